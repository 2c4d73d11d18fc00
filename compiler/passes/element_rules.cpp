// One rule for each kind of op; nothing here asks where elements come from.
#include "compiler/passes/element_rules.h"

#include <algorithm>
#include <limits>

#include "ir/array.h"
#include "kernels/build.h"
#include "kernels/catalogue.h"
#include "kernels/rules.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

using Operands = std::vector<Elements>;

Dims dims_of(const Type& type) {
  Dims dims;
  for (const Dim& d : type.shape()) dims.push_back(d.constant());
  return dims;
}

bool is_matrix(const Value* v) { return v->type.is_tensor() && v->type.rank() == 2; }

Type number(const Type& type) { return Type::scalar(type.dtype()); }

Elements elementwise(Builder& b, const Op& op, const Operands& x) {
  Elements made;
  for (std::size_t i = 0; i < std::size_t(*fixed_count(op.result()->type)); ++i) {
    Elements operands;
    for (const Elements& one : x) operands.push_back(one.at(i));
    made.push_back(b.value(*op.primitive, std::move(operands), op.attrs));
  }
  return made;
}

// Element i of a view is the operand's element at the offset that its map tells.
Elements view(const Op& op, const Elements& x) {
  if (op.primitive->view == nullptr) return x;
  const ViewMap map = op.primitive->view(op);
  const Dims step = strides(dims_of(op.operands[0]->type));
  Elements made;
  each_index(dims_of(op.result()->type), [&](std::int64_t, const Dims& index) {
    std::int64_t from = 0;
    for (std::size_t j = 0; j < step.size(); ++j) from += map.start[j] * step[j];
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (map.axis[i] >= 0) from += index[i] * step[std::size_t(map.axis[i])];
    }
    made.push_back(x.at(std::size_t(from)));
  });
  return made;
}

Value* nothing_greater(Builder& b, Dtype dtype) {
  if (is_float(dtype)) return scalar(b, dtype, -std::numeric_limits<double>::infinity());
  const bool wide = dtype == Dtype::I64;
  return integer(b, dtype,
                 wide ? std::numeric_limits<std::int64_t>::min()
                      : std::int64_t(std::numeric_limits<std::int32_t>::min()));
}

// One chain for each result, from the fold of nothing, in the order of increasing index.
Elements reduced(Builder& b, const Op& op, const Elements& x) {
  const auto& axes = op.attrs.get<std::vector<std::int64_t>>("axes");
  const bool adds = op.primitive == &sum_p;
  const Type type = number(op.result()->type);
  Value* start = adds ? zeros(b, type) : nothing_greater(b, type.dtype());
  Elements made(std::size_t(*fixed_count(op.result()->type)), start);
  const Dims dims = dims_of(op.operands[0]->type), step = strides(dims_of(op.result()->type));
  each_index(dims, [&](std::int64_t flat, const Dims& index) {
    std::int64_t to = 0;
    std::size_t kept = 0;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      const bool folded = std::find(axes.begin(), axes.end(), std::int64_t(axis)) != axes.end();
      if (!folded) to += index[axis] * step[kept++];
    }
    Value*& sum = made[std::size_t(to)];
    sum = adds ? add(b, sum, x[std::size_t(flat)]) : max(b, sum, x[std::size_t(flat)]);
  });
  return made;
}

// The operands' blocks along the axis, turn by turn of the axes before it.
Elements concatenated(const Op& op, const Operands& x) {
  const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
  std::int64_t turns = 1;
  const Dims dims = dims_of(op.result()->type);
  for (std::size_t i = 0; i < axis; ++i) turns *= dims[i];
  Elements made;
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    for (const Elements& one : x) {
      const std::size_t block = one.size() / std::size_t(turns);
      const auto first = one.begin() + std::ptrdiff_t(block * std::size_t(turn));
      made.insert(made.end(), first, first + std::ptrdiff_t(block));
    }
  }
  return made;
}

// One chain of fmas for each element, from its start, in the order of the inner axis.
Elements multiplied(Builder& b, const Op& op, const Operands& x) {
  const bool flips_x = op.attrs.get<bool>("ta"), flips_y = op.attrs.get<bool>("tb");
  const Dims left = dims_of(op.operands[0]->type), right = dims_of(op.operands[1]->type);
  const auto at = [](const Elements& m, const Dims& dims, bool flips, std::int64_t i,
                     std::int64_t j) {
    return m[std::size_t(flips ? j * dims[1] + i : i * dims[1] + j)];
  };
  const std::int64_t inner = left[flips_x ? 0 : 1];
  Elements made;
  each_index(dims_of(op.result()->type), [&](std::int64_t flat, const Dims& index) {
    Value* sum = x.size() > 2 ? x[2][std::size_t(flat)] : zeros(b, number(op.result()->type));
    for (std::int64_t k = 0; k < inner; ++k) {
      sum =
          fma(b, at(x[0], left, flips_x, index[0], k), at(x[1], right, flips_y, k, index[1]), sum);
    }
    made.push_back(sum);
  });
  return made;
}

Elements padded(Builder& b, const Op& op, const Elements& x) {
  const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
  const std::int64_t before = op.attrs.get<Shape>("before")[0].constant();
  const Dims inner = dims_of(op.operands[0]->type), step = strides(inner);
  Value* zero = zeros(b, number(op.result()->type));
  Elements made;
  each_index(dims_of(op.result()->type), [&](std::int64_t, Dims index) {
    index[axis] -= before;
    const bool inside = index[axis] >= 0 && index[axis] < inner[axis];
    std::int64_t from = 0;
    for (std::size_t i = 0; i < index.size(); ++i) from += index[i] * step[i];
    made.push_back(inside ? x[std::size_t(from)] : zero);
  });
  return made;
}

Elements generated(Builder& b, const Op& op) {
  const Type& type = op.result()->type;
  Elements made;
  each_index(dims_of(type), [&](std::int64_t flat, const Dims& index) {
    Attrs attrs{{"dtype", type.dtype()}, {"shape", Shape{}}};
    if (op.primitive == &iota_p) {
      const auto at = index[std::size_t(op.attrs.get<std::int64_t>("axis"))];
      made.push_back(is_float(type.dtype()) ? scalar(b, type.dtype(), double(at))
                                            : integer(b, type.dtype(), at));
    } else if (const Attr* values = op.attrs.find("values")) {
      const double value = std::get<std::vector<double>>(*values).at(std::size_t(flat));
      made.push_back(constant(b, type.dtype(), Shape{}, value));
    } else {
      attrs.set("value", *op.attrs.find("value"));
      made.push_back(b.value(constant_p, {}, std::move(attrs)));
    }
  });
  return made;
}

}  // namespace

std::optional<std::int64_t> fixed_count(const Type& type) {
  if (!type.is_tensor()) return std::nullopt;
  std::int64_t count = 1;
  for (const Dim& d : type.shape()) {
    if (!d.is_constant() || __builtin_mul_overflow(count, d.constant(), &count)) {
      return std::nullopt;
    }
  }
  return count;
}

bool has_elements(const Op& op) {
  switch (op.primitive->form) {
    case Form::Elementwise:
      return true;
    case Form::View:
      return op.primitive->view != nullptr || op.primitive == &reshape_p;
    case Form::Reduce:
      return op.primitive == &sum_p || op.primitive == &max_over_p;
    default:
      if (op.primitive == &matmul_p) return is_matrix(op.operands[0]) && is_matrix(op.operands[1]);
      return op.primitive == &constant_p || op.primitive == &iota_p || op.primitive == &concat_p ||
             op.primitive == &pad_p || op.primitive == &dim_p;
  }
}

Elements elements_of(Builder& b, const Op& op, const Operands& x) {
  switch (op.primitive->form) {
    case Form::Elementwise:
      return elementwise(b, op, x);
    case Form::View:
      return view(op, x[0]);
    case Form::Reduce:
      return reduced(b, op, x[0]);
    default:
      break;
  }
  if (op.primitive == &concat_p) return concatenated(op, x);
  if (op.primitive == &pad_p) return padded(b, op, x[0]);
  if (op.primitive == &matmul_p) return multiplied(b, op, x);
  if (op.primitive == &dim_p) return {b.value(dim_p, {}, op.attrs)};
  return generated(b, op);
}

}  // namespace nodec
