// The shared rules of rules.h: worded errors, type rules of the elementwise families, index
// arithmetic of arrays.
#include "kernels/rules.h"

#include <algorithm>

#include "ir/abi.h"
#include "ir/rewrite.h"
#include "kernels/build.h"

namespace nodec {
namespace {

struct AttributeKind {
  std::string_view name, example;
};
template <class T>
constexpr AttributeKind kind_of{};
template <>
constexpr AttributeKind kind_of<bool>{"true or false", "true"};
template <>
constexpr AttributeKind kind_of<std::int64_t>{"an integer", "1"};
template <>
constexpr AttributeKind kind_of<double>{"a real number", "0.5"};
template <>
constexpr AttributeKind kind_of<std::string>{"a string", "\"tsit5\""};
template <>
constexpr AttributeKind kind_of<Dtype>{"a dtype", "f32"};
template <>
constexpr AttributeKind kind_of<std::vector<std::int64_t>>{"a list of integers", "[0, 1]"};
template <>
constexpr AttributeKind kind_of<std::vector<double>>{"a list of real numbers", "[0.5, 1.0]"};
template <>
constexpr AttributeKind kind_of<Shape>{"a shape", "<3, B>"};

std::string list_of_operands(const Op& op) {
  std::string text;
  for (std::size_t i = 0; i < op.operands.size(); ++i) {
    if (i > 0) text += i + 1 == op.operands.size() ? " and " : ", ";
    text += described(*op.operands[i]);
  }
  return text;
}

std::string remedy(const Type& a, const Type& b) {
  if (a.dtype() != b.dtype()) return "cast one of them";
  return "give both one shape with broadcast or reshape";
}

// All operands are tensors of the first one's type; every operand is named in the message.
const Type& one_type(const Op& op) {
  const Type& first = tensor(op, 0);
  for (std::size_t i = 1; i < op.operands.size(); ++i) {
    const Type& other = tensor(op, i);
    if (other == first) continue;
    fail(op,
         fmt::format("wants operands of one type, got {} ({})", list_of_operands(op),
                     differences(first, other)),
         remedy(first, other));
  }
  return first;
}

void require_dtype(const Op& op, bool good, std::string_view wanted, std::string_view help) {
  if (good) return;
  fail(op, fmt::format("wants {}, got {}", wanted, list_of_operands(op)), std::string(help));
}

std::string axes_text(std::size_t rank) {
  return rank == 1 ? "1 axis" : fmt::format("{} axes", rank);
}

std::string axes_help(std::size_t rank) {
  return rank == 0 ? "a scalar has no axis: reshape it first"
                   : fmt::format("axes count from 0: the last one is {}", rank - 1);
}

std::string scalar_help(const Type& type, Dtype wanted) {
  if (type.rank() > 0) return "give it one element";
  return wanted == Dtype::Key ? "make one with 'key'" : fmt::format("cast it to {}", name(wanted));
}

}  // namespace

void fail(const Op& op, const std::string& what, std::string help) {
  throw Error(fmt::format("'{}' {}", op.name(), what), {}, std::move(help));
}

std::string described(const Value& value) {
  return value.name.empty() ? value.type.str()
                            : fmt::format("'{}' {}", value.name, value.type.str());
}

std::string differences(const Type& a, const Type& b) {
  if (!a.is_tensor() || !b.is_tensor()) return fmt::format("{} and {}", a.str(), b.str());
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (a.dtype() != b.dtype()) add(fmt::format("dtype {} and {}", name(a.dtype()), name(b.dtype())));
  if (a.device() != b.device()) {
    add(fmt::format("on {} and on {}", place_name(a.device()), place_name(b.device())));
  }
  if (a.rank() != b.rank()) {
    add(fmt::format("rank {} and {}", a.rank(), b.rank()));
    return text;
  }
  for (std::size_t i = 0; i < a.rank(); ++i) {
    if (a.shape()[i] == b.shape()[i]) continue;
    add(fmt::format("axis {}: {} and {}", i, a.shape()[i].str(), b.shape()[i].str()));
  }
  return text;
}

const Type& tensor(const Op& op, std::size_t operand) {
  require_operands(op, operand + 1);
  const Value& value = *op.operands[operand];
  if (!value.type.is_tensor()) {
    fail(op, fmt::format("wants a tensor as operand {}, got {}", operand, described(value)),
         "give it one of the tensors inside");
  }
  return value.type;
}

const Type& float_tensor(const Op& op, std::size_t operand) {
  const Type& type = tensor(op, operand);
  if (!is_float(type.dtype())) {
    fail(op,
         fmt::format("wants f32 or f64 as operand {}, got {}", operand,
                     described(*op.operands[operand])),
         "cast it to f32 first");
  }
  return type;
}

const Type& scalar_of(const Op& op, std::size_t operand, Dtype dtype) {
  const Type& type = tensor(op, operand);
  if (type != Type::scalar(dtype)) {
    fail(op,
         fmt::format("wants {}[] as operand {}, got {}", name(dtype), operand,
                     described(*op.operands[operand])),
         scalar_help(type, dtype));
  }
  return type;
}

void require_progress(const Op& op, std::size_t first) {
  const Type& t = float_tensor(op, first);
  if (t.rank() != 0 || tensor(op, first + 1) != t) {
    fail(op, fmt::format("wants t and dt as two scalars of one float dtype, got {} and {}",
                         described(*op.operands[first]), described(*op.operands[first + 1])));
  }
  scalar_of(op, first + 2, Dtype::I32);
  scalar_of(op, first + 3, Dtype::I32);
}

void require_site(const Op& op) {
  const auto site = attribute_or<std::int64_t>(op, "site", 0);
  if (site < 0 || site >= kMostSites) {
    fail(op, fmt::format("belongs to solve {}, of at most {}", site, kMostSites),
         "leave 'site' out: solves are numbered before a program is compiled");
  }
  attribute_or<bool>(op, "reverse", false);
  if (attribute_or<bool>(op, "callers_site", false) && op.attrs.has("site")) {
    fail(op, "has a site of its own and its caller's", "leave one of them out");
  }
}

std::vector<Datum> run_called(const Op& call, const Region& region, Data x,
                              Interpreter& interpreter) {
  if (!call.attrs.has("site")) return interpreter.run(region, x);
  const Op* outer = std::exchange(interpreter.report().caller, &call);
  std::vector<Datum> results = interpreter.run(region, x);
  interpreter.report().caller = outer;
  return results;
}

void require_operands(const Op& op, std::size_t at_least) {
  if (op.operands.size() >= at_least) return;
  fail(op,
       fmt::format("takes at least {}, got {}", count_of(at_least, "operand"), op.operands.size()));
}

void require_regions(const Op& op, std::size_t at_least, std::size_t at_most) {
  if (op.regions.size() >= at_least && op.regions.size() <= at_most) return;
  fail(op, fmt::format("holds {}, got {}", count_of(at_least, "region"), op.regions.size()));
}

template <class T>
const T& attribute(const Op& op, std::string_view name) {
  const auto [kind, example] = kind_of<T>;
  const std::string help = fmt::format("write it as {{{} = {}}}", name, example);
  const Attr* found = op.attrs.find(name);
  if (!found) fail(op, fmt::format("lacks its attribute '{}', {}", name, kind), help);
  const T* value = std::get_if<T>(found);
  if (!value) fail(op, fmt::format("wants {} as attribute '{}'", kind, name), help);
  return *value;
}

template const bool& attribute(const Op&, std::string_view);
template const std::int64_t& attribute(const Op&, std::string_view);
template const double& attribute(const Op&, std::string_view);
template const std::string& attribute(const Op&, std::string_view);
template const Dtype& attribute(const Op&, std::string_view);
template const std::vector<std::int64_t>& attribute(const Op&, std::string_view);
template const std::vector<double>& attribute(const Op&, std::string_view);
template const Shape& attribute(const Op&, std::string_view);

const Dim& dim_attribute(const Op& op, std::string_view name) {
  const Shape& shape = attribute<Shape>(op, name);
  if (shape.size() != 1) {
    fail(op, fmt::format("wants one dim as attribute '{}', got {}", name, str(shape)));
  }
  return shape[0];
}

std::int64_t axis_attribute(const Op& op, std::string_view name, std::size_t rank) {
  const std::int64_t axis = attribute<std::int64_t>(op, name);
  if (axis < 0 || axis >= std::int64_t(rank)) {
    fail(op, fmt::format("has {} {}, but its data has {}", name, axis, axes_text(rank)),
         axes_help(rank));
  }
  return axis;
}

const Axes& axes_attribute(const Op& op, std::string_view name, std::size_t rank) {
  const Axes& axes = attribute<Axes>(op, name);
  std::vector<bool> met(rank, false);
  for (const std::int64_t axis : axes) {
    if (axis < 0 || axis >= std::int64_t(rank)) {
      fail(op,
           fmt::format("has {} [{}], but its data has {}", name, fmt::join(axes, ", "),
                       axes_text(rank)),
           axes_help(rank));
    }
    if (met[std::size_t(axis)]) {
      fail(op, fmt::format("names axis {} twice in {} [{}]", axis, name, fmt::join(axes, ", ")),
           "name it once");
    }
    met[std::size_t(axis)] = true;
  }
  return axes;
}

Shape without_axes(const Shape& shape, const Axes& axes) {
  Shape kept;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (std::find(axes.begin(), axes.end(), std::int64_t(i)) == axes.end())
      kept.push_back(shape[i]);
  }
  return kept;
}

Types same_float(const Op& op) {
  const Type& type = one_type(op);
  require_dtype(op, is_float(type.dtype()), "f32 or f64", "cast to f32 first");
  return {type};
}

Types same_number(const Op& op) {
  const Type& type = one_type(op);
  const Dtype dtype = type.dtype();
  require_dtype(op, is_float(dtype) || dtype == Dtype::I32 || dtype == Dtype::I64,
                "f32, f64, i32 or i64", "cast to one of these first");
  return {type};
}

Types same_bool(const Op& op) {
  const Type& type = one_type(op);
  require_dtype(op, type.dtype() == Dtype::Bool, "bool", "compare first, e.g. with 'ne' and 0");
  return {type};
}

Types same_bits(const Op& op) {
  const Type& type = one_type(op);
  const Dtype dtype = type.dtype();
  require_dtype(op, dtype == Dtype::Bool || dtype == Dtype::I32 || dtype == Dtype::I64,
                "i32, i64 or bool", "cast to one of these first");
  return {type};
}

Types equality_type(const Op& op) {
  const Type& type = one_type(op);
  return type.dtype() == Dtype::Bool ? Types{type} : compare_type(op);
}

Types compare_type(const Op& op) {
  const Type& type = one_type(op);
  require_dtype(op, is_float(type.dtype()) || is_integer(type.dtype()), "numbers",
                "for truth values use logical_and, logical_or and logical_not");
  return {type.with_dtype(Dtype::Bool)};
}

Dims evaluate(const Shape& shape, Interpreter& interpreter) {
  Dims dims;
  for (const Dim& dim : shape) dims.push_back(dim.evaluate(interpreter.bindings()));
  return dims;
}

Dims strides(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

std::int64_t product(const Dims& dims, std::size_t begin, std::size_t end) {
  std::int64_t count = 1;
  for (std::size_t i = begin; i < end; ++i) count *= dims[i];
  return count;
}

std::int64_t offset(const Dims& index, const Dims& strides) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < index.size(); ++i) sum += index[i] * strides[i];
  return sum;
}

void copy_element(Array& to, std::int64_t at, const Array& from, std::int64_t i) {
  if (is_float(from.dtype)) {
    to.set(at, from.real(i));
  } else {
    to.set_integer(at, from.integer(i));
  }
}

std::vector<Datum> eval_expanded(const Op& op, Data x, Interpreter& interpreter) {
  Region region;
  Builder b(region);
  b.at(op.where);
  Values arguments;
  for (const Value* operand : op.operands) arguments.push_back(region.add_arg(operand->type));
  region.results = op.primitive->expand(b, b.op(*op.primitive, arguments, op.attrs));
  drop_unused(region);  // the op itself
  return interpreter.run(region, x);
}

Value* sample_arg(Builder& b, Dtype dtype) { return sample_arg(b, dtype, {3, Dim::symbol("B")}); }

Value* sample_arg(Builder& b, Dtype dtype, Shape shape) {
  return b.region().add_arg(Type::tensor(dtype, std::move(shape)));
}

Value* when(Builder& b, Value* pred, Value* x) { return select(b, pred, x, splat(b, x, 0)); }

}  // namespace nodec
