// What the blocks of many primitives share: short names for rule signatures, the type rules of the
// elementwise families, worded errors about operands and attributes, and loops over arrays.
#pragma once

#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/arithmetic.h"
#include "ir/array.h"
#include "ir/builder.h"
#include "ir/graph.h"
#include "ir/interpret.h"
#include "ir/primitive.h"
#include "ir/text.h"

namespace nodec {

using Types = std::vector<Type>;
using Cotangents = std::span<Value* const>;
using Reals = std::span<const double>;
using Integers = std::span<const std::int64_t>;
using Codes = std::span<const Code>;
using Data = std::span<const Datum>;
using Axes = std::vector<std::int64_t>;

inline double mean_of(Reals x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size());
}

// Fails to compile when a block lacks a rule that its form needs.
consteval Primitive complete(Primitive p) {
  const bool differentiable = p.gradient.rule || (p.gradient.augment && p.gradient.reverse) ||
                              (p.gradient.by_expansion && p.expand);
  if (p.name.empty()) throw "the primitive lacks a name";
  if (!p.type) throw "the primitive lacks a type rule";
  if (!p.eval && !p.scalar && p.form != Form::Rewrite) throw "the primitive lacks an evaluation";
  if (!differentiable && p.gradient.none_because.empty()) throw "the primitive lacks a gradient";
  const bool pushes = p.gradient.rule || p.gradient.push || p.expand;
  if (differentiable && !pushes) throw "the primitive lacks a tangent";
  if (p.form == Form::Elementwise && !p.lower) throw "the primitive lacks a lowering";
  if (p.form == Form::Reduce && !p.fold.step) throw "the primitive lacks a fold";
  if (p.exact && (p.form != Form::Elementwise || !p.scalar)) throw "only an element can be exact";
  if (p.arity < 0 && !p.sample) throw "the primitive lacks a sample";
  return p;
}

// Errors. `fail` opens with the op's name: "'add' <what>".
[[noreturn]] void fail(const Op& op, const std::string& what, std::string help = {});
std::string described(const Value& value);  // 'w' f32[20, B], or the type alone
// What differs between two types, every axis at once: "axis 0: 20 and 10, axis 1: B and C".
std::string differences(const Type& a, const Type& b);

// Operands and attributes as the type rules meet them, from programs and from text.
const Type& tensor(const Op& op, std::size_t operand);
const Type& float_tensor(const Op& op, std::size_t operand);
const Type& scalar_of(const Op& op, std::size_t operand, Dtype dtype);
void require_operands(const Op& op, std::size_t at_least);
// How far a solve has come: t, dt, accepted, rejected, as the operands from `first` on.
inline constexpr std::size_t kProgress = 4;
void require_progress(const Op& op, std::size_t first);
// Attributes site, a small count where it is given, and reverse, true or false.
void require_site(const Op& op);
// The called region's results. A call with a `site` says which solve its region is, to the ops in
// it that leave that to the caller.
std::vector<Datum> run_called(const Op& call, const Region& region, Data x, Interpreter&);
void require_regions(const Op& op, std::size_t at_least, std::size_t at_most);
template <class T>
const T& attribute(const Op& op, std::string_view name);
template <class T>
T attribute_or(const Op& op, std::string_view name, T fallback) {
  return op.attrs.has(name) ? attribute<T>(op, name) : fallback;
}
const Dim& dim_attribute(const Op& op, std::string_view name);  // a Shape of one Dim
// An axis attribute, or each of a list, within `rank` and none twice.
std::int64_t axis_attribute(const Op& op, std::string_view name, std::size_t rank);
const Axes& axes_attribute(const Op& op, std::string_view name, std::size_t rank);
Shape without_axes(const Shape& shape, const Axes& axes);

// One more argument for a sample, [3, B] when no shape is given.
Value* sample_arg(Builder& b, Dtype dtype);
Value* sample_arg(Builder& b, Dtype dtype, Shape shape);

// Type rules of elementwise ops: all operands have one tensor type, which is the result's too ...
Types same_float(const Op& op);
Types same_number(const Op& op);  // floats, i32, i64
Types same_bool(const Op& op);
Types same_bits(const Op& op);      // i32, i64, bool
Types compare_type(const Op& op);   // ... or a bool of its shape; operands as same_number or u8
Types equality_type(const Op& op);  // the same, of bools too

// Evaluation.
using Dims = std::vector<std::int64_t>;
Dims evaluate(const Shape& shape, Interpreter& interpreter);
Dims strides(const Dims& dims);  // row-major
std::int64_t product(const Dims& dims, std::size_t begin, std::size_t end);
// Calls visit(flat, index) for each element in row-major order.
template <class Visit>
void each_index(const Dims& dims, Visit visit) {
  const std::int64_t count = product(dims, 0, dims.size());
  Dims index(dims.size(), 0);
  for (std::int64_t flat = 0; flat < count; ++flat) {
    visit(flat, index);
    for (std::size_t axis = dims.size(); axis-- > 0;) {
      if (++index[axis] < dims[axis]) break;
      index[axis] = 0;
    }
  }
}
std::int64_t offset(const Dims& index, const Dims& strides);
// Copies one element, whatever the dtype.
void copy_element(Array& to, std::int64_t at, const Array& from, std::int64_t i);

// Runs what the op expands to; for ops whose expansion is their definition.
std::vector<Datum> eval_expanded(const Op& op, Data x, Interpreter& interpreter);

// Gradients.
Value* when(Builder& b, Value* pred, Value* x);  // x where pred holds, else 0

}  // namespace nodec
