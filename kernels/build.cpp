// The functions of build.h that are more than a name for an op.
#include "kernels/build.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace nodec {
namespace {

Attr constant_attr(Dtype dtype, double value) {
  if (is_float(dtype) || value != std::trunc(value)) return value;  // refused by constant's rule
  return std::int64_t(value);
}

// 0, 1, ... rank - 1: every axis where it is.
bool counts_up(const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<std::int64_t> all(rank);
  std::iota(all.begin(), all.end(), 0);
  return axes == all;
}

}  // namespace

Value* fma(Builder& b, Value* x, Value* y, Value* z) { return b.value(fma_p, {x, y, z}); }

Value* clamp(Builder& b, Value* x, Value* low, Value* high) {
  return b.value(clamp_p, {x, low, high});
}

Value* select(Builder& b, Value* pred, Value* if_true, Value* if_false) {
  return b.value(select_p, {pred, if_true, if_false});
}

Value* cast(Builder& b, Value* x, Dtype to) {
  if (x->type.is_tensor() && x->type.dtype() == to) return x;
  return b.value(cast_p, {x}, {{"to", to}});
}

Value* constant(Builder& b, Dtype dtype, Shape shape, double value) {
  return b.value(constant_p, {},
                 {{"dtype", dtype}, {"shape", shape}, {"value", constant_attr(dtype, value)}});
}

Value* constant(Builder& b, Dtype dtype, Shape shape, std::vector<double> values) {
  return b.value(constant_p, {},
                 {{"dtype", dtype}, {"shape", std::move(shape)}, {"values", std::move(values)}});
}

Value* integer(Builder& b, Dtype dtype, std::int64_t value) {
  return b.value(constant_p, {}, {{"dtype", dtype}, {"shape", Shape{}}, {"value", value}});
}

Value* scalar(Builder& b, Dtype dtype, double value) { return constant(b, dtype, {}, value); }

Value* splat(Builder& b, const Type& like, double value) {
  return constant(b, like.dtype(), like.shape(), value);
}

Value* splat(Builder& b, const Value* like, double value) { return splat(b, like->type, value); }

Value* zeros(Builder& b, const Type& type) {
  if (type.is_scalar() && type.dtype() == Dtype::Key) return key(b, integer(b, Dtype::I64, 0));
  if (type.is_tensor()) return splat(b, type, 0);
  std::vector<Value*> elements;
  for (const Type& element : type.elements()) elements.push_back(zeros(b, element));
  if (type.kind() == Type::Kind::Tape) return tape_new(b, elements);
  if (type.kind() == Type::Kind::Record) return record(b, elements, type.field_names());
  NODEC_CHECK(type.kind() == Type::Kind::Tuple, "there is no zero of {}", type.str());
  return tuple(b, elements);
}

Value* iota(Builder& b, Dtype dtype, Shape shape, std::int64_t axis) {
  return b.value(iota_p, {}, {{"axis", axis}, {"dtype", dtype}, {"shape", std::move(shape)}});
}

Value* dim(Builder& b, const Dim& size) { return b.value(dim_p, {}, {{"size", Shape{size}}}); }

Value* key(Builder& b, Value* seed) { return b.value(key_p, {seed}); }

Value* fold_in(Builder& b, Value* key, Value* data) { return b.value(fold_in_p, {key, data}); }

Value* random_uniform(Builder& b, Value* key, Dtype dtype, Shape shape) {
  return b.value(random_uniform_p, {key}, {{"dtype", dtype}, {"shape", std::move(shape)}});
}

Value* random_normal(Builder& b, Value* key, Dtype dtype, Shape shape) {
  return b.value(random_normal_p, {key}, {{"dtype", dtype}, {"shape", std::move(shape)}});
}

Value* broadcast_to(Builder& b, Value* x, Shape shape, std::vector<std::int64_t> dims) {
  if (x->type.is_tensor() && x->type.shape() == shape && counts_up(dims, x->type.rank())) return x;
  return b.value(broadcast_p, {x}, {{"dims", std::move(dims)}, {"shape", std::move(shape)}});
}

Value* broadcast_scalar(Builder& b, Value* x, Shape shape) {
  return broadcast_to(b, x, std::move(shape), {});
}

Value* broadcast_over(Builder& b, Value* x, const Shape& shape,
                      const std::vector<std::int64_t>& axes) {
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < std::int64_t(shape.size()); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) kept.push_back(i);
  }
  return broadcast_to(b, x, shape, std::move(kept));
}

Value* reshape(Builder& b, Value* x, Shape shape) {
  if (x->type.is_tensor() && x->type.shape() == shape) return x;
  return b.value(reshape_p, {x}, {{"shape", std::move(shape)}});
}

Value* transpose(Builder& b, Value* x, std::vector<std::int64_t> perm) {
  if (x->type.is_tensor() && counts_up(perm, x->type.rank())) return x;
  return b.value(transpose_p, {x}, {{"perm", std::move(perm)}});
}

Value* slice(Builder& b, Value* x, std::int64_t axis, std::int64_t start, Dim size) {
  return b.value(slice_p, {x}, {{"axis", axis}, {"size", Shape{size}}, {"start", start}});
}

Value* pad(Builder& b, Value* x, std::int64_t axis, Dim before, Dim after) {
  return b.value(pad_p, {x}, {{"after", Shape{after}}, {"axis", axis}, {"before", Shape{before}}});
}

Value* concat(Builder& b, std::vector<Value*> xs, std::int64_t axis) {
  return b.value(concat_p, std::move(xs), {{"axis", axis}});
}

Value* sum(Builder& b, Value* x, std::vector<std::int64_t> axes) {
  return b.value(sum_p, {x}, {{"axes", std::move(axes)}});
}

Value* mean(Builder& b, Value* x, std::vector<std::int64_t> axes) {
  return b.value(mean_p, {x}, {{"axes", std::move(axes)}});
}

Value* norm(Builder& b, Value* x, std::vector<std::int64_t> axes) {
  return b.value(norm_p, {x}, {{"axes", std::move(axes)}});
}

Value* max_over(Builder& b, Value* x, std::vector<std::int64_t> axes) {
  return b.value(max_over_p, {x}, {{"axes", std::move(axes)}});
}

Value* argmax(Builder& b, Value* x, std::int64_t axis) {
  return b.value(argmax_p, {x}, {{"axis", axis}});
}

std::vector<std::int64_t> all_axes(const Type& type) {
  std::vector<std::int64_t> axes(type.rank());
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

Value* matmul(Builder& b, Value* a, Value* x, bool ta, bool tb, Value* c) {
  std::vector<Value*> operands{a, x};
  if (c) operands.push_back(c);
  return b.value(matmul_p, std::move(operands), {{"ta", ta}, {"tb", tb}});
}

Value* gather(Builder& b, Value* table, Value* indices) {
  return b.value(gather_p, {table, indices});
}

Value* scatter_add(Builder& b, Value* indices, Value* updates, Shape shape) {
  return b.value(scatter_add_p, {indices, updates}, {{"shape", std::move(shape)}});
}

Value* one_hot(Builder& b, Value* indices, std::int64_t depth, Dtype dtype) {
  return b.value(one_hot_p, {indices}, {{"depth", depth}, {"dtype", dtype}});
}

Value* softmax(Builder& b, Value* x, std::int64_t axis) {
  return b.value(softmax_p, {x}, {{"axis", axis}});
}

Value* log_softmax(Builder& b, Value* x, std::int64_t axis) {
  return b.value(log_softmax_p, {x}, {{"axis", axis}});
}

namespace {

std::vector<std::unique_ptr<Region>> regions(std::unique_ptr<Region> a,
                                             std::unique_ptr<Region> b = nullptr) {
  std::vector<std::unique_ptr<Region>> both;
  both.push_back(std::move(a));
  if (b) both.push_back(std::move(b));
  return both;
}

}  // namespace

Op& call(Builder& b, std::vector<Value*> args, std::unique_ptr<Region> f, std::string_view name) {
  Attrs attrs;
  if (!name.empty()) attrs.set("name", std::string(name));
  return b.op(call_p, std::move(args), std::move(attrs), regions(std::move(f)));
}

Value* function(Builder& b, std::unique_ptr<Region> body, std::string_view name) {
  Attrs attrs;
  if (!name.empty()) attrs.set("name", std::string(name));
  return b.op(function_p, {}, std::move(attrs), regions(std::move(body))).result();
}

Op& apply(Builder& b, Value* function, std::vector<Value*> args) {
  args.insert(args.begin(), function);
  return b.op(apply_p, std::move(args));
}

Op& while_loop(Builder& b, std::vector<Value*> operands, std::size_t carried,
               std::unique_ptr<Region> test, std::unique_ptr<Region> body) {
  return b.op(while_p, std::move(operands), {{"carried", std::int64_t(carried)}},
              regions(std::move(test), std::move(body)));
}

Op& while_loop(Builder& b, std::vector<Value*> operands, std::size_t carried,
               const WritesRegion& test, const WritesRegion& body) {
  const auto written = [&](const WritesRegion& write) {
    auto region = std::make_unique<Region>();
    std::vector<Value*> args;
    for (const Value* operand : operands) args.push_back(region->add_arg(operand->type));
    Builder in(*region);
    in.at(b.where());
    region->results = write(in, args);
    return region;
  };
  std::unique_ptr<Region> tested = written(test), ran = written(body);
  return while_loop(b, std::move(operands), carried, std::move(tested), std::move(ran));
}

Op& cond(Builder& b, Value* pred, std::vector<Value*> captures, std::unique_ptr<Region> then_region,
         std::unique_ptr<Region> else_region) {
  captures.insert(captures.begin(), pred);
  return b.op(cond_p, std::move(captures), {},
              regions(std::move(then_region), std::move(else_region)));
}

Value* record(Builder& b, std::vector<Value*> fields, const std::vector<std::string>& names) {
  return b.value(record_p, std::move(fields),
                 {{"names", fmt::format("{}", fmt::join(names, ","))}});
}

Value* field(Builder& b, Value* record, std::string_view name) {
  return b.value(field_p, {record}, {{"name", std::string(name)}});
}

Value* tuple(Builder& b, std::vector<Value*> elements) {
  return b.value(tuple_p, std::move(elements));
}

Value* element(Builder& b, Value* tuple, std::int64_t index) {
  return b.value(element_p, {tuple}, {{"index", index}});
}

Value* tape_new(Builder& b, std::vector<Value*> frame) {
  return b.value(tape_new_p, std::move(frame));
}

Value* tape_write(Builder& b, Value* tape, Value* index, std::vector<Value*> values,
                  const std::vector<Value*>& progress) {
  values.insert(values.begin(), {tape, index});
  values.insert(values.end(), progress.begin(), progress.end());
  return b.value(tape_write_p, std::move(values));
}

Op& tape_read(Builder& b, Value* tape, Value* index) { return b.op(tape_read_p, {tape, index}); }

}  // namespace nodec
