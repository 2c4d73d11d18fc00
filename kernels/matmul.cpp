// The matrix product: matmul(a, b) = op(a) op(b), where ta and tb transpose, and matmul(a, b, c)
// adds it onto c: output (i, j) is one chain of fmas in increasing k that starts at c(i, j), or +0.
//
// With y = op(a) op(b), the cotangents are dop(a) = dy op(b)^T and dop(b) = op(a)^T dy, and c's is
// dy; a flag turns the product around instead of an explicit transposition.
#include "kernels/build.h"
#include "kernels/elements.h"
#include "kernels/identities.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

struct Sides {
  Dim rows, a_inner, b_inner, columns;
};

Sides sides(const Type& a, const Type& b, bool ta, bool tb) {
  return {a.shape()[ta ? 1 : 0], a.shape()[ta ? 0 : 1], b.shape()[tb ? 1 : 0],
          b.shape()[tb ? 0 : 1]};
}

std::string transposed_text(bool flag) { return flag ? " transposed" : ""; }

Types matmul_type(const Op& op) {
  const Type &a = float_tensor(op, 0), &b = float_tensor(op, 1);
  const bool ta = attribute<bool>(op, "ta"), tb = attribute<bool>(op, "tb");
  const std::string got =
      fmt::format("{}{} and {}{}", described(*op.operands[0]), transposed_text(ta),
                  described(*op.operands[1]), transposed_text(tb));
  if (op.operands.size() > 3) fail(op, "takes 2 or 3 operands");
  if (a.rank() != 2 || b.rank() != 2) {
    fail(op, fmt::format("multiplies matrices, got {}", got), "reshape to rank 2 first");
  }
  if (a.dtype() != b.dtype()) {
    fail(op, fmt::format("wants one dtype, got {}", got), "cast one of them");
  }
  const Sides s = sides(a, b, ta, tb);
  if (s.a_inner != s.b_inner) {
    fail(op,
         fmt::format("wants as many columns on the left as rows on the right, got {} ({} and {})",
                     got, s.a_inner.str(), s.b_inner.str()),
         s.a_inner == s.columns ? "transpose the right one"
         : s.rows == s.b_inner  ? "transpose the left one"
                                : "give both one size there");
  }
  const Type result = Type::tensor(a.dtype(), {s.rows, s.columns});
  if (op.operands.size() == 3 && tensor(op, 2) != result) {
    fail(op,
         fmt::format("makes {} and cannot add {} ({})", result.str(), described(*op.operands[2]),
                     differences(result, tensor(op, 2))),
         "give what is added that type");
  }
  return {result};
}

std::vector<Datum> eval_matmul(const Op& op, Data x, Interpreter&) {
  const Array &a = x[0].array, &b = x[1].array;
  const bool ta = op.attrs.get<bool>("ta"), tb = op.attrs.get<bool>("tb");
  const std::int64_t rows = a.dims[ta ? 1 : 0], inner = a.dims[ta ? 0 : 1];
  const std::int64_t columns = b.dims[tb ? 0 : 1];
  const std::int64_t a_row = ta ? 1 : inner, a_step = ta ? rows : 1;
  const std::int64_t b_column = tb ? inner : 1, b_step = tb ? 1 : columns;
  Array out = x.size() == 3 ? x[2].array : Array::zeros(a.dtype, {rows, columns});
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      double sum = out.real(i * columns + j);
      for (std::int64_t k = 0; k < inner; ++k) {
        sum += a.reals[std::size_t(i * a_row + k * a_step)] *
               b.reals[std::size_t(j * b_column + k * b_step)];
      }
      out.set(i * columns + j, sum);
    }
  }
  return {std::move(out)};
}

Values matmul_gradient(Builder& b, const Op& y, Cotangents dy) {
  Value *a = y.operands[0], *x = y.operands[1];
  const bool ta = y.attrs.get<bool>("ta"), tb = y.attrs.get<bool>("tb");
  Values dx{ta ? matmul(b, x, dy[0], tb, true) : matmul(b, dy[0], x, false, !tb),
            tb ? matmul(b, dy[0], a, true, ta) : matmul(b, a, dy[0], !ta, false)};
  if (y.operands.size() == 3) dx.push_back(dy[0]);
  return dx;
}

// op(da) op(x) + op(a) op(dx) + dc, one chain.
Pushed push_matmul(ForwardDifferentiator&, Builder& b, const Op& op,
                   std::span<Value* const> operands, std::span<Value* const> tangents) {
  const bool ta = op.attrs.get<bool>("ta"), tb = op.attrs.get<bool>("tb");
  Value *a = operands[0], *x = operands[1];
  const Op& y = b.op(matmul_p, {operands.begin(), operands.end()}, op.attrs);
  Value* dy = operands.size() == 3 ? tangents[2] : nullptr;
  if (tangents[0] != nullptr) dy = matmul(b, tangents[0], x, ta, tb, dy);
  if (tangents[1] != nullptr) dy = matmul(b, a, tangents[1], ta, tb, dy);
  return {{y.result()}, {dy}};
}

// A product takes its operands transposed for free.
Value* simplify_matmul(Builder& b, const Op& op) {
  Values operands = op.operands;
  Attrs attrs = op.attrs;
  bool changed = false;
  for (std::size_t i = 0; i < 2; ++i) {
    const Op* inner = made_by(operands[i], transpose_p);
    if (!inner || inner->attrs.get<Axes>("perm") != Axes{1, 0}) continue;
    const std::string_view flag = i == 0 ? "ta" : "tb";
    operands[i] = inner->operands[0];
    attrs.set(flag, !attrs.get<bool>(flag));
    changed = true;
  }
  return changed ? b.value(matmul_p, std::move(operands), std::move(attrs)) : nullptr;
}

// One chain of fmas for each element, from its start, in the order of the inner axis.
Values matmul_elements(Builder& b, const Op& op, ElementsOf x) {
  const bool ta = op.attrs.get<bool>("ta"), tb = op.attrs.get<bool>("tb");
  const Dims left = fixed_dims(op.operands[0]->type), right = fixed_dims(op.operands[1]->type);
  const auto at = [](const Values& m, const Dims& dims, bool turned, std::int64_t i,
                     std::int64_t j) {
    return m[std::size_t(turned ? j * dims[1] + i : i * dims[1] + j)];
  };
  const std::int64_t inner = left[ta ? 0 : 1];
  Values made;
  each_index(fixed_dims(op.result()->type), [&](std::int64_t flat, const Dims& index) {
    Value* sum = x.size() > 2 ? x[2][std::size_t(flat)] : zeros(b, element_type(op.result()->type));
    for (std::int64_t k = 0; k < inner; ++k) {
      sum = fma(b, at(x[0], left, ta, index[0], k), at(x[1], right, tb, k, index[1]), sum);
    }
    made.push_back(sum);
  });
  return made;
}

void sample_matmul(Builder& b, Dtype real) {
  const Dim batch = Dim::symbol("B");
  Value *w = sample_arg(b, real, {4, 3}), *v = sample_arg(b, real, {3, 4});
  Value *x = sample_arg(b, real), *c = sample_arg(b, real, {4, batch});
  Values& results = b.region().results;
  results = {matmul(b, w, x),
             matmul(b, v, x, true),
             matmul(b, w, x, false, false, c),
             matmul(b, c, x, false, true),  // over the batch
             matmul(b, w, v),
             matmul(b, w, w, true),
             matmul(b, w, w, false, true),
             matmul(b, w, v, true, true)};
}

}  // namespace

constexpr Primitive matmul_p = complete({
    .name = "matmul",
    .form = Form::Contract,
    .type = matmul_type,
    .eval = eval_matmul,
    .gradient = {.rule = matmul_gradient, .push = push_matmul},
    .simplify = simplify_matmul,
    .elements = matmul_elements,
    .sample = sample_matmul,
});

}  // namespace nodec
