// Ops by name, for rules and passes that write IR: each function appends one op (or the few it is
// short for) and returns its result.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "ir/builder.h"
#include "kernels/catalogue.h"

namespace nodec {

// Elementwise, of one operand or of two of one type: a function for each such line of the
// catalogue.
#define NODEC_UNARY(name) \
  inline Value* name(Builder& b, Value* x) { return b.value(name##_p, {x}); }
#define NODEC_UNARY_OPERATOR(name, spelling) NODEC_UNARY(name)
#define NODEC_UNARY_RULE(name) NODEC_UNARY(name)
#define NODEC_BINARY(name) \
  inline Value* name(Builder& b, Value* x, Value* y) { return b.value(name##_p, {x, y}); }
#define NODEC_BINARY_OPERATOR(name, spelling) NODEC_BINARY(name)
#define NODEC_BINARY_RULE(name) NODEC_BINARY(name)
#include "kernels/catalogue.def"

// x with no derivative, and a finite one wherever what it leads to is used.
inline Value* held(Builder& b, Value* x) {
  return b.value(stop_gradient_p, {x}, {{"finite", true}});
}
Value* fma(Builder& b, Value* x, Value* y, Value* z);  // x*y + z, rounded once
Value* clamp(Builder& b, Value* x, Value* low, Value* high);
Value* select(Builder& b, Value* pred, Value* if_true, Value* if_false);
Value* polygamma(Builder& b, Value* x,
                 std::int64_t order);         // the derivative of digamma number `order`
Value* cast(Builder& b, Value* x, Dtype to);  // x itself when it is one already

// Data from attributes. Integer dtypes take the whole part of `value`.
Value* constant(Builder& b, Dtype dtype, Shape shape, double value);
Value* constant(Builder& b, Dtype dtype, Shape shape, std::vector<double> values);
Value* integer(Builder& b, Dtype dtype, std::int64_t value);  // a scalar, exact
Value* scalar(Builder& b, Dtype dtype, double value);
Value* splat(Builder& b, const Type& like, double value);
Value* splat(Builder& b, const Value* like, double value);
Value* zeros(Builder& b, const Type& type);  // bools, keys, records and tapes too
Value* iota(Builder& b, Dtype dtype, Shape shape, std::int64_t axis);
Value* dim(Builder& b, const Dim& size);  // an i64 scalar
Value* key(Builder& b, Value* seed);
Value* fold_in(Builder& b, Value* key, Value* data);
Value* random_uniform(Builder& b, Value* key, Dtype dtype, Shape shape);
Value* random_normal(Builder& b, Value* key, Dtype dtype, Shape shape);

// Shape. broadcast_to: operand axis i becomes result axis dims[i]; x itself when nothing changes.
Value* broadcast_to(Builder& b, Value* x, Shape shape, std::vector<std::int64_t> dims);
// A scalar to any shape.
Value* broadcast_scalar(Builder& b, Value* x, Shape shape);
// Gives a reduced value its reduced axes back, each of the size `shape` has there.
Value* broadcast_over(Builder& b, Value* x, const Shape& shape,
                      const std::vector<std::int64_t>& axes);
Value* reshape(Builder& b, Value* x, Shape shape);
Value* transpose(Builder& b, Value* x, std::vector<std::int64_t> perm);
Value* slice(Builder& b, Value* x, std::int64_t axis, std::int64_t start, Dim size);
Value* pad(Builder& b, Value* x, std::int64_t axis, Dim before, Dim after);
Value* concat(Builder& b, std::vector<Value*> xs, std::int64_t axis);

// Folds and products. The axes are removed.
Value* sum(Builder& b, Value* x, std::vector<std::int64_t> axes);
Value* mean(Builder& b, Value* x, std::vector<std::int64_t> axes);
Value* norm(Builder& b, Value* x, std::vector<std::int64_t> axes);
Value* max_over(Builder& b, Value* x, std::vector<std::int64_t> axes);
Value* argmax(Builder& b, Value* x, std::int64_t axis);
// Where the first of the greatest elements stands among `axes`, in row-major order; `greatest` is
// what max_over gives. 0 where there are none.
Value* first_greatest(Builder& b, Value* x, Value* greatest, const std::vector<std::int64_t>& axes);
std::vector<std::int64_t> all_axes(const Type& type);
Value* matmul(Builder& b, Value* a, Value* x, bool ta = false, bool tb = false, Value* c = nullptr);
Value* gather(Builder& b, Value* table, Value* indices);
Value* scatter_add(Builder& b, Value* indices, Value* updates, Shape shape);
Value* one_hot(Builder& b, Value* indices, std::int64_t depth, Dtype dtype);
Value* softmax(Builder& b, Value* x, std::int64_t axis);
Value* log_softmax(Builder& b, Value* x, std::int64_t axis);

// Control.
Op& call(Builder& b, std::vector<Value*> args, std::unique_ptr<Region> f,
         std::string_view name = {});
Value* function(Builder& b, std::unique_ptr<Region> body, std::string_view name = {});
Op& apply(Builder& b, Value* function, std::vector<Value*> args);
// Both regions take all operands, the carries first; `body` yields the `carried` carries.
Op& while_loop(Builder& b, std::vector<Value*> operands, std::size_t carried,
               std::unique_ptr<Region> test, std::unique_ptr<Region> body);
// The same, from what gives their results.
using WritesRegion = std::function<std::vector<Value*>(Builder&, const std::vector<Value*>& args)>;
Op& while_loop(Builder& b, std::vector<Value*> operands, std::size_t carried,
               const WritesRegion& test, const WritesRegion& body);
Op& cond(Builder& b, Value* pred, std::vector<Value*> captures, std::unique_ptr<Region> then_region,
         std::unique_ptr<Region> else_region);

// State and tapes.
Value* record(Builder& b, std::vector<Value*> fields, const std::vector<std::string>& names);
Value* field(Builder& b, Value* record, std::string_view name);
Value* tuple(Builder& b, std::vector<Value*> elements);
Value* element(Builder& b, Value* tuple, std::int64_t index);
Value* tape_new(Builder& b, std::vector<Value*> frame);
// `progress`: t, dt, accepted, rejected, or none.
Value* tape_write(Builder& b, Value* tape, Value* index, std::vector<Value*> values,
                  const std::vector<Value*>& progress = {});
Op& tape_read(Builder& b, Value* tape, Value* index);

}  // namespace nodec
