// What the parts of the trace may do with a variable beyond its public face.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "compiler/trace/frame.h"
#include "compiler/trace/var.h"

namespace nodec::tracing {

struct Access {
  // A new variable of the current frame.
  static Var make(Content content, const SourceLine& where);
  static Var make(Value* value, const SourceLine& where) { return make(Content(value), where); }
  // Makes `var` a new variable of `frame`, whatever it was.
  static void reset(Var& var, Frame& frame, Content content, const SourceLine& where);
  // The same without a value yet.
  static void declare(Var& var, Frame& frame, const SourceLine& where);
  static Content content(const Var& var, const SourceLine& where);
  static Content content(const Operand& operand);
  static void store(Var& var, Content content, const SourceLine& where);
  static SourceLine declared(const Var& var);
  static const std::string& name(const Var& var);
  static std::string own_name(const Var& var);
  static void set_policy(Var& var, StatePolicy policy);
  static void rename(Var& var, std::string name);
  static void leave_home(Var& var);  // no line declares it

  // `x` as an operand on the line of `y`.
  template <class T>
  static Operand beside(const T& x, const Operand& y) {
    return Operand(x, y.where_);
  }
  static bool is_literal(const Operand& operand) { return operand.is_number(); }
  // The operand as one value; a number becomes a constant of `like`'s type (its own dtype, a
  // scalar, when there is none).
  static Value* value(Builder& b, const Operand& operand, const Type* like = nullptr);

  // For Var's own members.
  static void attach(Var& var, std::shared_ptr<Variable> variable);
  static void detach(Var& var);
  static void move(Var& to, Var& from);
};

// A builder at the end of the current frame.
Builder builder_at(const SourceLine& where);

// A new variable: what `make` makes of the builder and the operand's value.
template <class F>
Var with(const Operand& x, const F& make) {
  Builder b = builder_at(x.where());
  return Access::make(make(b, Access::value(b, x)), x.where());
}

}  // namespace nodec::tracing
