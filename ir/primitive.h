// One operation and everything nodec knows of it: its type rule, evaluation, derivative, lowering
// and the inputs it may be sampled at. Primitives are blocks in kernels/, one catalogue line each.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/arithmetic.h"
#include "ir/array.h"
#include "ir/graph.h"
#include "ir/groups.h"

namespace nodec {

class Builder;
class Interpreter;

// The derivative of a region, split where the forward sweep ends:
//   forward: the region's arguments -> its results, then `residuals` values the reverse sweep needs
//   reverse: those residuals, then one cotangent per result in `seeds` -> one cotangent per
//   argument
//            in `wrt`; then, where `estimate` says so, what was reported inside of its own error
struct Derivative {
  std::unique_ptr<Region> forward;
  std::unique_ptr<Region> reverse;
  std::size_t residuals = 0;
  bool estimate = false;
};

// What a gradient rule may ask of the AD engine. Only this interface is known here, so rules (an
// ODE solve's adjoint among them) need nothing but ir.
class Differentiator {
 public:
  virtual ~Differentiator() = default;
  // `wrt` and `seeds`: indices of arguments and results. Equal questions get equal answers.
  virtual Derivative derive(const Region& region, const std::vector<int>& wrt,
                            const std::vector<int>& seeds) = 0;
  // Whether anything asks for the cotangent of this operand of `op`.
  virtual bool wanted(const Op& op, std::size_t operand) const = 0;
  // Whether a cotangent can reach this result of `op`: seeds worth deriving for.
  virtual bool seeded(const Op& op, std::size_t result) const = 0;
  // Whether the derivative is to tell its own error (vjp's attribute `error`). Then a rule whose
  // cotangents are only as good as a tolerance reports an estimate of their error, a float scalar
  // of the region that `reverse` writes; the vjp gives the largest of all. A rule that derives a
  // region reports what comes out of its reverse too, or refuses.
  virtual bool error_wanted() const = 0;
  virtual void report_error(Builder& b, Value* estimate) = 0;
};

// What an op becomes in forward mode: its results, and one tangent for each (null: zero). An
// integer has none; a tape's is a tape of the tangents of those parts of a frame that have one.
struct Pushed {
  std::vector<Value*> results, tangents;
};

// What a tangent rule may ask of the AD engine.
class ForwardDifferentiator {
 public:
  virtual ~ForwardDifferentiator() = default;
  // Whether this value of the program may have a tangent, and of what type.
  virtual std::optional<Type> tangent_type(const Value& value) const = 0;
  // The parts of a tape's frame that its tangent holds, in their order.
  virtual std::vector<std::size_t> tangent_parts(const Value& tape) const = 0;
  // Writes the region's ops over `args` with their tangents beside them. `tangents`: one for each
  // argument, null only where the argument has none.
  virtual Pushed push(Builder& b, const Region& region, const std::vector<Value*>& args,
                      const std::vector<Value*>& tangents) = 0;
};

// How `lower` may treat an op; what an op does inside its class is the primitive's own business.
enum class Form : std::uint8_t {
  Elementwise,  // one result element from the operand elements at the same index; `lower` rule
                // given
  View,      // moves no data: an affine map from result index to operand index; `view` rule given
  Reduce,    // folds axes (attr "axes") of operand 0
  Contract,  // matmul
  Gather,    // data-dependent reads
  Generate,  // makes data from attributes (constant, iota, random)
  Join,      // concat: several operands into one buffer
  Control,   // call, while, cond: holds regions
  Tape,      // tape.new, tape.write, tape.read
  State,     // box, record and tuple plumbing: gone before `lower`
  Rewrite,   // solve, vjp, composite ops: has `expand` or is resolved by a stage; never lowered
  Effect,    // stops or reports (fail_if)
};

// Result types from operand types, attributes and regions. Throws Error with the user's dims.
using TypeRule = std::vector<Type> (*)(const Op& op);
// Evaluation in the reference interpreter, in double precision.
using EvalRule = std::vector<Datum> (*)(const Op& op, std::span<const Datum> operands,
                                        Interpreter& interpreter);
// Elementwise evaluation of one element.
using ScalarRule = double (*)(std::span<const double> x);
// The same, exact, for an op none of whose operands and results is a float. The interpreter wraps
// the result to its dtype (Array::set_integer). A double holds 53 bits: an op that takes i64 or
// wraps in i32 needs this one beside `scalar`.
using IntegerRule = std::int64_t (*)(std::span<const std::int64_t> x);
// One cotangent per operand (null: none) from the cotangents of the results (null: zero). `y` is
// the op as it stands in the forward program: its operands and results may be used as values.
using GradientRule = std::vector<Value*> (*)(Builder& b, const Op& y, std::span<Value* const> dy);
// For ops that hold regions. `augment` writes the forward op again over `operands` with whatever
// extra results the reverse sweep needs; its first results are the original ones. Beside it stand
// the regions that the reverse sweep will be made of: part of no program.
struct Augmented {
  Op& op;
  std::vector<std::unique_ptr<Region>> saved;

  Augmented(Op& y, std::vector<std::unique_ptr<Region>> regions = {})
      : op(y), saved(std::move(regions)) {}
};
using AugmentRule = Augmented (*)(Differentiator& ad, Builder& b, const Op& op,
                                  std::span<Value* const> operands);
// `reverse` is the gradient rule over that augmented op, given what was saved beside it.
using Saved = std::span<const std::unique_ptr<Region>>;
using ReverseRule = std::vector<Value*> (*)(Differentiator& ad, Builder& b, const Op& y,
                                            Saved saved, std::span<Value* const> dy);
// Forward mode, where neither the gradient rule nor the op itself says it: writes `op` again over
// `operands`, and the tangents of its results for those of its operands (null: zero).
using TangentRule = Pushed (*)(ForwardDifferentiator& ad, Builder& b, const Op& op,
                               std::span<Value* const> operands, std::span<Value* const> tangents);
// Emits one element (a vector of lanes) of an elementwise op; operands come in order.
using LowerRule = Code (*)(Arithmetic& e, const Op& op, std::span<const Code> x);
// Emits one element of a Generate op. `x` are its scalar operands (a key comes as I64); `index`,
// an I64 uniform or varying, is the element's row-major index, or, for an op with the attribute
// "axis", its index along that axis.
using GenerateRule = Code (*)(Arithmetic& e, const Op& op, std::span<const Code> x, Code index);

// How a Reduce folds elements into its state, a few Codes the last of which becomes the result.
// `lower` decides the order (semantics, order of sums) and knows no op by name.
struct Fold {
  using State = std::vector<Code>;
  State (*start)(Arithmetic& e, const Op& op) = nullptr;  // the fold of nothing
  // `index`: the element's I64 index along the (single) axis; argmax alone looks at it.
  State (*step)(Arithmetic& e, const Op& op, State state, Code element, Code index) = nullptr;
  State (*merge)(Arithmetic& e, const Op& op, State a, State b) = nullptr;  // two partial folds
};

// What a fold of `count` numbers comes to, judged by a few of them.
using EstimateRule = double (*)(std::span<const double> few, double count);

// Gives one of the op's regions a value more, as an operand; returns the region's argument.
using CaptureRule = Value* (*)(Op& op, std::size_t region, Value* value);

// Rewrites the op into simpler IR; returns the replacement of each result.
using ExpandRule = std::vector<Value*> (*)(Builder& b, const Op& op);

// What computing an op again costs, beside keeping its result. Of what is elementwise, `lower`
// writes
enum class Cost : std::uint8_t {
  Few,   // an operation or a few
  Slow,  // a division, a root, a draw
  Tens,  // of operations: a back end may share them
};

// The affine map of a View: operand element offset = base + sum over result axes of stride * index,
// in units of operand elements per operand axis: `axis[i]` is the operand axis that result axis i
// walks
// (-1: none, a broadcast), `start` the first index on each operand axis. A View without a `view`
// rule (reshape) keeps the row-major order of its elements.
struct ViewMap {
  std::vector<int> axis;
  std::vector<std::int64_t> start;
};
using ViewRule = ViewMap (*)(const Op& op);

// What the op is worth where that is less than itself: a value that is there already, or a simpler
// op (null: no less). With the op's bits for every operand, NaN and signed zeros included.
using SimplifyRule = Value* (*)(Builder& b, const Op& op);

// The elements of the op's result, row-major, from those of its operands, where every size is a
// number; sums and folds in the order of the whole op's. Elementwise ops and views need no rule.
using ElementsRule = std::vector<Value*> (*)(Builder& b, const Op& op,
                                             std::span<const std::vector<Value*>> x);

// Both directions of a derivative. An op gives `rule`, and forward mode follows from it: an
// elementwise op's slopes are their own transpose, any other rule is linear in the cotangents and
// is transposed. What is linear itself says so, which is shorter. An op without `rule` gives
// `augment` and `reverse`, and in forward mode `push` or what it expands to.
// A stated absence of a derivative: the reason is part of the error a user sees.
struct Gradient {
  GradientRule rule = nullptr;
  AugmentRule augment = nullptr;  // given together with `reverse`, in place of `rule`
  ReverseRule reverse = nullptr;
  std::string_view none_because = {};  // non-empty: not differentiable, for this reason
  // Whether the slope may be infinite or NaN where the operands are finite; `rule` lets cotangents
  // meet it in a strong_mul.
  bool (*unbounded)(const Op& op) = nullptr;
  // Where it is flat the op has many levels, as rounding does: it tells no two pieces apart.
  bool stairs = false;
  // Its derivative is that of what it expands to.
  bool by_expansion = false;
  // The op is linear in all its float operands together: applied to their tangents it gives its
  // result's.
  bool linear = false;
  TangentRule push = nullptr;              // goes before all else,
  bool (*pushes)(const Op& op) = nullptr;  // for those ops that this says, if it is there
};
// Of reverse mode; forward mode may know better, with `push`.
constexpr Gradient no_gradient(std::string_view reason, TangentRule push = nullptr) {
  return {.none_because = reason, .push = push};
}
constexpr Gradient linear_gradient(GradientRule rule) { return {.rule = rule, .linear = true}; }
inline bool has_push(const Gradient& gradient, const Op& op) {
  return gradient.push && (!gradient.pushes || gradient.pushes(op));
}
inline bool everywhere(const Op&) { return true; }
constexpr Gradient unbounded_gradient(GradientRule rule, bool (*where)(const Op&) = everywhere) {
  return {.rule = rule, .unbounded = where};
}
// No operand has a cotangent, and that is right: a step function, a comparison, a generator.
inline std::vector<Value*> no_cotangents(Builder&, const Op& y, std::span<Value* const>) {
  return std::vector<Value*>(y.operands.size(), nullptr);
}
inline constexpr Gradient flat_gradient{.rule = no_cotangents};
inline constexpr Gradient stairs_gradient{.rule = no_cotangents, .stairs = true};
inline constexpr Gradient expanded_gradient{.by_expansion = true};

// Where catalogue tests may sample an operand, as a closed interval; kinks are avoided by the
// margin.
struct Domain {
  double low = -2, high = 2;
};

// A tiny program that exercises an op whose operands are not plain same-shape tensors; catalogue
// tests build it, print and parse it, check its gradient and compare interpreter with machine code.
// It adds arguments and ops to b's region and sets the results; `real` is the dtype of its floats.
// Dims may mention the batch symbol "B"; arguments are drawn from the domain (integers rounded
// down).
using SampleRule = void (*)(Builder& b, Dtype real);

struct Primitive {
  std::string_view name = {};
  int arity = -1;  // number of operands; -1: any
  Form form = Form::Elementwise;
  TypeRule type = nullptr;
  EvalRule eval = nullptr;
  ScalarRule scalar = nullptr;    // elementwise ops give this in place of eval
  IntegerRule integer = nullptr;  // beside `scalar`, where integers and bools are operands
  Gradient gradient = {};
  LowerRule lower = nullptr;
  GroupsRule groups = nullptr;    // ops with regions; without it they are opaque
  CaptureRule capture = nullptr;  // ops that call a region from several places when expanded
  Cost cost = Cost::Few;
  // `scalar`, rounded to the result's dtype once, and `integer` have the bits of `lower`: known
  // operands make a known result.
  bool exact = false;
  GenerateRule generate = nullptr;  // Generate ops; constant and dim are `lower`'s own
  Fold fold = {};                   // Reduce ops
  EstimateRule estimate = nullptr;
  ExpandRule expand = nullptr;
  ViewRule view = nullptr;
  SimplifyRule simplify = nullptr;
  ElementsRule elements = nullptr;
  Domain domain = {};
  SampleRule sample = nullptr;  // null: `arity` floats of shape [3, B]
};

// The op's result types by its type rule, placed where its operands are: on one device, or on the
// host. Numbers (rank 0) and what an op made from attributes go along with the others. Error when
// operands are in two places.
std::vector<Type> result_types(const Op& op);

// Looks a primitive up by name; null when there is none. kernels/catalogue.h gives the one table.
using PrimitiveLookup = const Primitive* (*)(std::string_view name);

}  // namespace nodec
