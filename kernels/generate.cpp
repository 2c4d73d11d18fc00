// Data from attributes alone: constant, iota, dim.
#include <cmath>
#include <limits>

#include "ir/float_mode.h"
#include "kernels/build.h"
#include "kernels/elements.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

// The ends of an integer dtype.
std::pair<std::int64_t, std::int64_t> ends(Dtype dtype) {
  if (dtype == Dtype::Bool) return {0, 1};
  if (dtype == Dtype::U8) return {0, 255};
  using I32 = std::numeric_limits<std::int32_t>;
  using I64 = std::numeric_limits<std::int64_t>;
  return dtype == Dtype::I32 ? std::pair<std::int64_t, std::int64_t>(I32::min(), I32::max())
                             : std::pair(I64::min(), I64::max());
}

bool holds(Dtype dtype, std::int64_t value) {
  return value >= ends(dtype).first && value <= ends(dtype).second;
}

// A finite number must not become infinite; that it is rounded is usual.
bool holds(Dtype dtype, double value) {
  if (dtype == Dtype::F32) return !std::isfinite(value) || std::isfinite(float(value));
  if (dtype == Dtype::F64) return true;
  const bool whole = value >= -0x1p63 && value < 0x1p63 && value == std::floor(value);
  return whole && holds(dtype, std::int64_t(value));
}

template <class Number>
void require_held(const Op& op, Dtype dtype, Number value) {
  if (holds(dtype, value)) return;
  const std::string range =
      is_float(dtype) ? fmt::format("of a size up to {}, or inf", std::numeric_limits<float>::max())
                      : fmt::format("from {} to {}", ends(dtype).first, ends(dtype).second);
  fail(op, fmt::format("of {} cannot hold {}", name(dtype), value),
       fmt::format("give {} {}, or take another dtype",
                   is_float(dtype) ? "numbers" : "whole numbers", range));
}

// One number for all elements, or a list of them; whole numbers are written as integers.
Types constant_type(const Op& op) {
  const DefaultFloatMode mode;  // whether f32 holds it is no question of the caller's rounding
  const Dtype dtype = attribute<Dtype>(op, "dtype");
  const Shape& shape = attribute<Shape>(op, "shape");
  if (dtype == Dtype::Key) fail(op, "cannot make a key", "make it from a seed with 'key'");
  if (op.attrs.has("value") == op.attrs.has("values")) {
    fail(op, "wants one of the attributes 'value' and 'values'");
  }
  if (op.attrs.has("values")) {
    const auto& values = attribute<std::vector<double>>(op, "values");
    if (element_count(shape) != Dim(std::int64_t(values.size()))) {
      fail(op,
           fmt::format("lists {} for the shape {}", count_of(values.size(), "value"), str(shape)));
    }
    for (const double value : values) require_held(op, dtype, value);
  } else if (is_float(dtype)) {
    require_held(op, dtype, attribute<double>(op, "value"));
  } else {
    const Attr* value = op.attrs.find("value");
    const double* real = value != nullptr ? std::get_if<double>(value) : nullptr;
    if (real != nullptr) require_held(op, dtype, *real);  // says that 2.5 is no integer
    require_held(op, dtype, attribute<std::int64_t>(op, "value"));
  }
  return {Type::tensor(dtype, shape)};
}

std::vector<Datum> eval_constant(const Op& op, Data, Interpreter& interpreter) {
  const Dtype dtype = op.attrs.get<Dtype>("dtype");
  Array out = Array::zeros(dtype, evaluate(op.attrs.get<Shape>("shape"), interpreter));
  const bool listed = op.attrs.has("values");
  for (std::int64_t i = 0; i < out.count(); ++i) {
    if (listed) {
      out.set(i, op.attrs.get<std::vector<double>>("values")[std::size_t(i)]);
    } else if (is_float(dtype)) {
      out.set(i, op.attrs.get<double>("value"));
    } else {
      out.set_integer(i, op.attrs.get<std::int64_t>("value"));
    }
  }
  return {std::move(out)};
}

Values constant_elements(Builder& b, const Op& op, ElementsOf) {
  const Type& type = op.result()->type;
  const auto count = std::size_t(element_count(type.shape()).constant());
  Values made;
  if (const Attr* value = op.attrs.find("value")) {
    const Attrs attrs{{"dtype", type.dtype()}, {"shape", Shape{}}, {"value", *value}};
    for (std::size_t i = 0; i < count; ++i) made.push_back(b.value(constant_p, {}, attrs));
    return made;
  }
  for (const double value : op.attrs.get<std::vector<double>>("values")) {
    made.push_back(constant(b, type.dtype(), Shape{}, value));
  }
  return made;
}

Values iota_elements(Builder& b, const Op& op, ElementsOf) {
  const Dtype dtype = op.result()->type.dtype();
  const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
  Values made;
  each_index(fixed_dims(op.result()->type), [&](std::int64_t, const Dims& index) {
    const std::int64_t at = index[axis];
    made.push_back(is_float(dtype) ? scalar(b, dtype, double(at)) : integer(b, dtype, at));
  });
  return made;
}

Types iota_type(const Op& op) {
  const Dtype dtype = attribute<Dtype>(op, "dtype");
  const Shape& shape = attribute<Shape>(op, "shape");
  axis_attribute(op, "axis", shape.size());
  if (dtype == Dtype::Bool || dtype == Dtype::U8 || dtype == Dtype::Key) {
    fail(op, fmt::format("counts in i32, i64, f32 or f64, got {}", name(dtype)),
         "count in one of these, and cast");
  }
  return {Type::tensor(dtype, shape)};
}

std::vector<Datum> eval_iota(const Op& op, Data, Interpreter& interpreter) {
  const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
  Array out = Array::zeros(op.attrs.get<Dtype>("dtype"),
                           evaluate(op.attrs.get<Shape>("shape"), interpreter));
  each_index(out.dims,
             [&](std::int64_t flat, const Dims& index) { out.set_integer(flat, index[axis]); });
  return {std::move(out)};
}

void sample_constant(Builder& b, Dtype real) {
  const Shape shape{3, Dim::symbol("B")};
  Value* x = sample_arg(b, real);  // so that B has a value
  b.region().results = {
      add(b, x, constant(b, real, shape, 0.1)), constant(b, real, shape, -0.0),
      constant(b, Dtype::I64, shape, -7),       constant(b, Dtype::Bool, shape, 1),
      constant(b, Dtype::U8, {2}, 200),         constant(b, real, {2, 2}, {1.5, -2, 0.1, 1e-3}),
      constant(b, Dtype::I32, {3}, {1, 2, -3})};
}

}  // namespace

constexpr Primitive constant_p = complete({
    .name = "constant",
    .arity = 0,
    .form = Form::Generate,
    .type = constant_type,
    .eval = eval_constant,
    .gradient = flat_gradient,
    .elements = constant_elements,
    .sample = sample_constant,
});

// The index along `axis`.
constexpr Primitive iota_p = complete({
    .name = "iota",
    .arity = 0,
    .form = Form::Generate,
    .type = iota_type,
    .eval = eval_iota,
    .gradient = flat_gradient,
    .generate =
        [](Arithmetic& e, const Op& op, Codes, Code index) {
          const Scalar scalar = scalar_kind(op.attrs.get<Dtype>("dtype"));
          return scalar == Scalar::I64 ? index : e.convert(index, scalar);
        },
    .elements = iota_elements,
    .sample =
        [](Builder& b, Dtype real) {
          const Shape shape{3, Dim::symbol("B")};
          Value* x = sample_arg(b, real);  // so that B has a value
          b.region().results = {add(b, x, iota(b, real, shape, 0)), iota(b, Dtype::I32, shape, 1),
                                iota(b, Dtype::I64, {4, 2}, 0)};
        },
});

// A size at run time, i64[]: how a program learns the value of a symbol.
constexpr Primitive dim_p = complete({
    .name = "dim",
    .arity = 0,
    .form = Form::Generate,
    .type = [](const Op& op) -> Types {
      if (dim_attribute(op, "size").is_unknown()) fail(op, "has no value for an unknown size");
      return {Type::scalar(Dtype::I64)};
    },
    .eval =
        [](const Op& op, Data, Interpreter& interpreter) {
          const std::int64_t size = evaluate(op.attrs.get<Shape>("size"), interpreter).at(0);
          return std::vector<Datum>{Array::scalar_integer(Dtype::I64, size)};
        },
    .gradient = flat_gradient,
    .elements = [](Builder& b, const Op& op, ElementsOf) -> Values {
      return {dim(b, op.attrs.get<Shape>("size")[0])};
    },
    .sample =
        [](Builder& b, Dtype real) {
          const Dim batch = Dim::symbol("B");
          Value* x = sample_arg(b, real);  // so that B has a value
          b.region().results = {dim(b, batch * 3 + 1), neg(b, x)};
        },
});

}  // namespace nodec
