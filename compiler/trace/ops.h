// The functions of a traced program. Each takes operands (Vars, record fields, numbers) and returns
// a new variable; each op knows the line it was written on.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <vector>

#include "compiler/trace/var.h"

namespace nodec {

using Axes = std::vector<std::int64_t>;  // negative ones count from the end

// Elementwise, of one operand or of two: a function for each line of the catalogue that says so,
// such as exp(x) and pow(x, y). Operators are declared with Var.
#define NODEC_UNARY(name) Var name(Operand x);
#define NODEC_BINARY(name) Var name(Operand x, Operand y);
#include "kernels/catalogue.def"
Var stop_gradient(const Var& x, Here where = Here::current());  // also of a record
Var fma(Operand x, Operand y, Operand z);                       // x*y + z, rounded once
Var clamp(Operand x, Operand low, Operand high);
Var polygamma(Operand x, int order);  // the derivative of digamma number `order`, from 1 on
Var select(Operand pred, Operand if_true, Operand if_false);

Var cast(Operand x, Dtype to);
Var to_device(Operand x, int device);  // kHost: back to the host
template <class T>
Var cast(Operand x) {
  return cast(x, dtype_of<T>());
}

// Data.
Var constant(double value, Dtype dtype = Dtype::F32, Shape shape = {},
             Here where = Here::current());
Var constant(std::vector<double> values, Dtype dtype = Dtype::F32, Shape shape = {},
             Here where = Here::current());  // shape: [n] when left out
Var constant(std::initializer_list<double> values, Dtype dtype = Dtype::F32, Shape shape = {},
             Here where = Here::current());                 // {3} is a vector too
Var zeros(const Type& type, Here where = Here::current());  // also of a record type
Var zeros_like(const Var& x, Here where = Here::current());
Var ones_like(const Var& x, Here where = Here::current());
Var iota(Dtype dtype, Shape shape, std::int64_t axis = 0, Here where = Here::current());
Var size(Operand x, std::int64_t axis);  // an i64 scalar
Var key(Operand seed);                   // seed: an i64 scalar
Var fold_in(Operand key, Operand data);
Var random_uniform(Operand key, Shape shape, Dtype dtype = Dtype::F32);
Var random_normal(Operand key, Shape shape, Dtype dtype = Dtype::F32);

// Shape.
// Axis i of x becomes axis axes[i] of the result.
Var broadcast_to(Operand x, Shape shape, Axes axes);
Var broadcast_to(Operand x, Shape shape);  // by the rule of arithmetic
Var reshape(Operand x, Shape shape);       // one size of -1: what the others leave
Var transpose(Operand x);                  // all axes reversed
Var transpose(Operand x, Axes perm);
Var slice(Operand x, std::int64_t axis, std::int64_t start, Dim size);
Var concat(const std::vector<Var>& xs, std::int64_t axis = 0, Here where = Here::current());
Var stack(const std::vector<Var>& xs, Here where = Here::current());  // along a new first axis

// Folds and products; the axes go away. No axes given: all of them.
Var sum(Operand x);
Var sum(Operand x, Axes axes);
Var mean(Operand x);
Var mean(Operand x, Axes axes);
Var norm(Operand x);  // the root of the sum of squares; its gradient at 0 is 0
Var norm(Operand x, Axes axes);
Var max_over(Operand x);
Var max_over(Operand x, Axes axes);
Var argmax(Operand x, std::int64_t axis);  // i32
// Of matrices and vectors, and of stacks [..., i, k], [..., k, j] of matrices, whose axes in front
// one side may lack, as a vector does; a vector has no transpose.
struct Transposed {
  bool a = false, b = false;
};
Var matmul(Operand a, Operand b, Transposed transposed = {});
Var gather(Operand table, Operand indices);  // rows of the first axis
Var one_hot(Operand indices, std::int64_t depth, Dtype dtype = Dtype::F32);
Var softmax(Operand x, std::int64_t axis);
Var log_softmax(Operand x, std::int64_t axis);

// f on each leaf: of one record, or of several with the same leaves, taken together.
Var map_leaves(const std::vector<Var>& records,
               const std::function<Var(const std::vector<Var>& leaves)>& f,
               Here where = Here::current());
// All leaves of a record in one vector, in order, and the way back.
Var flat(const Var& record, Here where = Here::current());
Var unflat(const Var& vector, const Type& record, Here where = Here::current());

}  // namespace nodec
