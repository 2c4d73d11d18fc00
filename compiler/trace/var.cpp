// Variables as C++ objects. A copy is a new variable with the current content; a move shares the
// variable, so that a vector may grow inside a solve without giving its elements a new birthplace,
// and a moved-from object that is assigned again (as std::swap does) takes the variable back, its
// other holder keeping the content from before.
#include "compiler/trace/var.h"

#include "compiler/trace/access.h"
#include "compiler/trace/call_stack.h"
#include "compiler/trace/untraceable.h"
#include "kernels/build.h"

namespace nodec {

using tracing::Access;
using tracing::Content;
using tracing::Frame;
using tracing::Variable;

namespace tracing {
namespace {

std::shared_ptr<Variable> born(Frame* frame, const SourceLine& where) {
  auto variable = std::make_shared<Variable>();
  if (frame != nullptr) variable->birth = frame->shared_from_this();
  variable->declared = where;
  return variable;
}

Frame& outermost(Frame& frame) {
  Frame* outer = &frame;
  while (outer->parent != nullptr) outer = outer->parent;
  return *outer;
}

}  // namespace

void Access::attach(Var& var, std::shared_ptr<Variable> variable) {
  var.variable_ = std::move(variable);
  var.variable_->holders.push_back(&var);
}

void Access::detach(Var& var) {
  if (var.variable_ == nullptr) return;
  std::erase(var.variable_->holders, &var);
  var.variable_ = nullptr;
}

void Access::move(Var& to, Var& from) {
  attach(to, from.variable_);
  to.moved_from_ = false;
  from.moved_from_ = true;
}

Var Access::make(Content content, const SourceLine& where) {
  Var var;
  reset(var, current(where), std::move(content), where);
  return var;
}

void Access::reset(Var& var, Frame& frame, Content content, const SourceLine& where) {
  detach(var);
  auto variable = born(&frame, where);
  variable->binding.content = std::move(content);
  attach(var, std::move(variable));
  var.moved_from_ = false;
}

void Access::declare(Var& var, Frame& frame, const SourceLine& where) {
  detach(var);
  attach(var, born(&frame, where));
  var.moved_from_ = false;
}

Content Access::content(const Var& var, const SourceLine& where) {
  return read(var.variable_, current(where), where);
}

Content Access::content(const Operand& operand) {
  if (const auto* var = std::get_if<const Var*>(&operand.source_)) {
    return content(**var, operand.where());
  }
  if (const auto* field = std::get_if<const Field*>(&operand.source_)) {
    return part_at(content(*(*field)->root_, operand.where()), (*field)->path_, operand.where());
  }
  Builder b = builder_at(operand.where());
  return Content(value(b, operand));
}

Value* Access::value(Builder& b, const Operand& operand, const Type* like) {
  if (!operand.is_number()) {
    const Content whole = content(operand);
    if (!whole.is_record()) return whole.value;
    throw Error(fmt::format("a tensor is wanted here, and this is the record {}", whole.type.str()),
                {{operand.where(), ""}}, "name one of its fields");
  }
  const Shape shape = like != nullptr ? like->shape() : Shape{};
  if (const auto* integer = std::get_if<Operand::Integer>(&operand.source_)) {
    const Dtype dtype = like != nullptr ? like->dtype() : integer->natural;
    if (is_float(dtype)) return constant(b, dtype, shape, double(integer->value));
    return b.value(constant_p, {}, {{"dtype", dtype}, {"shape", shape}, {"value", integer->value}});
  }
  const auto& real = std::get<Operand::Real>(operand.source_);
  const Dtype dtype = like != nullptr ? like->dtype() : real.natural;
  if (!is_float(dtype)) {
    throw Error(fmt::format("the number {} meets {}", real.value, like->str()),
                {{operand.where(), ""}}, "cast the tensor to a float dtype first");
  }
  return constant(b, dtype, shape, real.value);
}

void Access::store(Var& var, Content content, const SourceLine& where) {
  Frame& frame = current(where);
  if (var.moved_from_) {
    const std::vector<Var*> holders = var.variable_->holders;
    for (Var* other : holders) {
      if (other == &var || !tracing::has_value(*var.variable_, frame)) continue;
      Content before = read(var.variable_, frame, where);
      const std::string name = var.variable_->name;
      const bool named = var.variable_->named;
      reset(*other, frame, std::move(before), var.variable_->declared);
      other->variable_->name = name;
      other->variable_->named = named;
    }
    var.moved_from_ = false;
  }
  Variable& variable = *var.variable_;
  if (variable.birth == nullptr) variable.birth = outermost(frame).shared_from_this();
  if (!variable.birth->open) {
    variable.birth = frame.shared_from_this();
    variable.binding = {};
  }
  tracing::store(var.variable_, frame, std::move(content), where);
}

SourceLine Access::declared(const Var& var) { return var.variable_->declared; }
const std::string& Access::name(const Var& var) { return var.variable_->name; }
std::string Access::own_name(const Var& var) { return tracing::own_name(*var.variable_); }
void Access::set_policy(Var& var, StatePolicy policy) { var.variable_->policy = policy; }
void Access::rename(Var& var, std::string name) { var.variable_->name = std::move(name); }
void Access::leave_home(Var& var) { var.variable_->at_home = false; }

Builder builder_at(const SourceLine& where) { return current(where).builder(where); }

}  // namespace tracing

Var::Var(Here where) {
  Access::attach(*this, tracing::born(tracing::innermost(), SourceLine::of(where)));
}

Var::Var(const Var& other, Here where) {
  SourceLine line = SourceLine::of(where);
  const bool copied = tracing::is_library(line.file);  // by a container, say
  Frame* frame = tracing::innermost();
  auto variable = tracing::born(frame, line);
  variable->is_copy = true;
  if (copied) variable->copied_by = tracing::return_addresses();
  if (other.has_value()) {
    variable->binding.content = Access::content(other, line);
    variable->name = other.variable_->name;
    if (copied) {
      variable->declared = tracing::line_of(*variable->binding.content);
      variable->at_home = other.variable_->at_home;
    }
  } else if (frame != nullptr && tracing::has_ended(*other.variable_, *frame)) {
    *variable = *other.variable_;  // found out where it is used, if it is
    variable->holders.clear();
  }
  Access::attach(*this, std::move(variable));
}

Var::Var(Var&& other) noexcept { Access::move(*this, other); }

Var::~Var() { Access::detach(*this); }

Var& Var::operator=(const Var& other) {
  const SourceLine declared = other.variable_->declared;
  Content content = Access::content(other, declared);
  const SourceLine made = tracing::line_of(content);
  Access::store(*this, std::move(content), made.known() ? made : declared);
  return *this;
}

Var& Var::operator=(Var&& other) { return *this = static_cast<const Var&>(other); }

Var& Var::named(std::string name, Here where) & {
  variable_->name = name;
  variable_->named = true;
  variable_->declared = SourceLine::of(where);
  auto& binding = variable_->binding;
  Value* value = binding.box;
  if (value == nullptr && binding.content) value = binding.content->value;
  if (value != nullptr && value->op != nullptr && value->name.empty()) value->name = name;
  return *this;
}

Var Var::named(std::string name, Here where) && {
  named(std::move(name), where);
  return std::move(*this);
}

bool Var::has_value() const {
  const Frame* frame = tracing::innermost();
  return frame != nullptr ? tracing::has_value(*variable_, *frame)
                          : variable_->binding.content.has_value();
}

Type Var::type(Here where) const {
  const SourceLine line = SourceLine::of(where);
  return tracing::type_of(variable_, tracing::current(line), line);
}

Dtype Var::dtype(Here where) const { return type(where).dtype(); }

Shape Var::shape(Here where) const { return type(where).shape(); }

}  // namespace nodec
