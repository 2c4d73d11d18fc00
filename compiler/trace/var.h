// Var: a variable of a traced program. Arithmetic on Vars appends ops to the program being traced,
// each with the user's line; assigning one is a store, whose meaning depends on where the variable
// was born (frame.h; README.md says it for users).
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "compiler/trace/content.h"
#include "ir/error.h"
#include "ir/type.h"

namespace nodec {

namespace tracing {
struct Variable;
struct Access;
}  // namespace tracing

using Here = std::source_location;
class Field;
class FieldName;
class Operand;

// There is no conversion to bool: a traced value is not known yet, and cond or select choose by it.
class Var {
 public:
  explicit Var(Here where = Here::current());  // declared, without a value yet
  Var(const Var& other, Here where = Here::current());
  Var(Var&& other) noexcept;
  Var& operator=(const Var& other);
  Var& operator=(Var&& other);
  ~Var();

  // The user's name, shown in messages, reports and dumps; `where` is taken as its declaration.
  Var& named(std::string name, Here where = Here::current()) &;
  Var named(std::string name, Here where = Here::current()) &&;

  Type type(Here where = Here::current()) const;
  Dtype dtype(Here where = Here::current()) const;
  Shape shape(Here where = Here::current()) const;
  std::size_t rank(Here where = Here::current()) const { return shape(where).size(); }
  bool has_value() const;

  // A field of a record ("scale", or "layer_1.weight"), to read or to store to.
  Field operator[](const FieldName& field) &;
  Field operator[](const FieldName& field) const&;  // to read only
  Var operator[](const FieldName& field) const&&;
  // Element i of the first axis, which goes away.
  Var at(std::int64_t i, Here where = Here::current()) const;

 private:
  friend struct tracing::Access;
  std::shared_ptr<tracing::Variable> variable_;
  bool moved_from_ = false;
};

// What a function of the trace takes: a Var, a field of one, or a number, with the line it stands
// on. A number takes the dtype of what it is combined with.
class Operand {
 public:
  Operand(const Var& var, Here where = Here::current()) : source_(&var), where_(where) {}
  Operand(const Field& field, Here where = Here::current()) : source_(&field), where_(where) {}
  template <class T>
  requires std::is_arithmetic_v<T> Operand(T number, Here where = Here::current())
      : source_(literal(number)), where_(where) {}

  bool is_number() const { return source_.index() >= 2; }
  SourceLine where() const { return SourceLine::of(where_); }

 private:
  friend struct tracing::Access;
  struct Real {
    double value;
    Dtype natural;
  };
  struct Integer {
    std::int64_t value;
    Dtype natural;
  };
  using Source = std::variant<const Var*, const Field*, Real, Integer>;

  template <class T>
  static Source literal(T number) {
    if constexpr (std::is_floating_point_v<T>) {
      return Real{double(number), sizeof(T) == 4 ? Dtype::F32 : Dtype::F64};
    } else if constexpr (std::same_as<T, bool>) {
      return Integer{number, Dtype::Bool};
    } else {
      if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(std::int64_t)) {
        if (std::int64_t(number) < 0) return Real{double(number), Dtype::F64};  // beyond i64
      }
      return Integer{std::int64_t(number), sizeof(T) <= 4 ? Dtype::I32 : Dtype::I64};
    }
  }

  Source source_;
  Here where_;
};

// What a field is asked for by, with the line it stands on.
class FieldName {
 public:
  template <std::convertible_to<std::string_view> T>
  FieldName(const T& name, Here where = Here::current()) : name_(name), where_(where) {}

 private:
  friend class Var;
  friend class Field;
  std::string_view name_;
  Here where_;
};

// A place inside a record variable. Reading it is reading the variable; assigning it stores the
// whole record, with this field replaced.
class Field {
 public:
  Field(const Field&) = default;
  Field& operator=(const Operand& value);
  Field& operator=(const Field& other) { return *this = Operand(other); }
  Field& operator=(const Var& other) { return *this = Operand(other); }
  Field operator[](const FieldName& field) const;
  operator Var() const;  // NOLINT(google-explicit-constructor): a field is a variable's value
  Type type(Here where = Here::current()) const;

 private:
  friend class Var;
  friend struct tracing::Access;
  Field(const Var& root, Var* target, std::vector<std::string> path, Here where)
      : root_(&root), target_(target), path_(std::move(path)), where_(where) {}
  const Var* root_;
  Var* target_;  // null when the root is const
  std::vector<std::string> path_;
  Here where_;
};

// Records of named leaves. They are Vars, so assigning one is one store, even when it has no
// leaves. `ps["layer_1"]["weight"]` and `ps["layer_1.weight"]` name the same leaf.
class Params : public Var {
 public:
  explicit Params(Here where = Here::current()) : Var(where) {}
  Params(const Var& var, Here where = Here::current()) : Var(var, where) {}
  Params(Var&& var) noexcept : Var(std::move(var)) {}
  Params(const Field& field, Here where = Here::current()) : Var(Var(field), where) {}
  Params(const Params& other, Here where = Here::current()) : Var(other, where) {}
  Params(Params&&) noexcept = default;
  Params& operator=(const Params&) = default;
  Params& operator=(Params&&) = default;
};

class State : public Var {
 public:
  explicit State(Here where = Here::current()) : Var(where) {}
  State(const Var& var, Here where = Here::current()) : Var(var, where) {}
  State(Var&& var) noexcept : Var(std::move(var)) {}
  State(const Field& field, Here where = Here::current()) : Var(Var(field), where) {}
  State(const State& other, Here where = Here::current()) : Var(other, where) {}
  State(State&&) noexcept = default;
  State& operator=(const State&) = default;
  State& operator=(State&&) = default;
};

// A record from its fields.
Var record(std::vector<std::pair<std::string, Var>> fields, Here where = Here::current());

// Arithmetic. Operands have one dtype; shapes are made equal by the rule of README.md.
// Those of the catalogue's lines: + - * / == != < <= > >= && || ! and - of one operand; of integers
// (and truth values, but for shifts) & | ^ ~ << >>.
#define NODEC_UNARY_OPERATOR(name, spelling) Var operator spelling(Operand x);
#define NODEC_BINARY_OPERATOR(name, spelling) Var operator spelling(Operand a, Operand b);
#include "kernels/catalogue.def"
inline Var operator+(const Var& x) { return x; }
Var operator~(Operand x);
Var& operator+=(Var& x, Operand y);
Var& operator-=(Var& x, Operand y);
Var& operator*=(Var& x, Operand y);
Var& operator/=(Var& x, Operand y);
Field operator+=(Field x, Operand y);
Field operator-=(Field x, Operand y);
Field operator*=(Field x, Operand y);
Field operator/=(Field x, Operand y);

}  // namespace nodec
