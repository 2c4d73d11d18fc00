// Problem: x_k+1 = body(x_k, p) for k = 0, 1, ... until a test fails, which depends on the inputs;
// given the cotangent of the last x, those of x_0 and p.
//
//   xbar_k = J_x(x_k, p)^T xbar_k+1        pbar = sum over k of J_p(x_k, p)^T xbar_k+1
//
// The number of turns is piecewise constant in the inputs, so that it takes no part (Griewank and
// Walther, Evaluating Derivatives, 2nd ed., chapter 12). Forward, the loop counts its turns and
// writes to frame k of a tape what the reverse of turn k uses; what depends on p alone is computed
// once, outside. The reverse is a `while` too, from the last frame to the first.
//
// Invariant: frame k stands while turn k is reversed, for the tape is written forward only; and a
// carry that has no cotangent (an integer, a value that no input reaches) is in no reverse loop.
#include <algorithm>

#include "kernels/build.h"
#include "kernels/loop_checkpoints.h"
#include "kernels/regions.h"
#include "kernels/residuals.h"
#include "kernels/sample_loop.h"

namespace nodec {

std::size_t carried_by(const Op& loop) {
  return std::size_t(loop.attrs.get<std::int64_t>("carried"));
}

Types TurnRegions::frame_types() const {
  Types types;
  for (std::size_t i = carried; i < frame.results.size(); ++i) {
    types.push_back(frame.results[i]->type);
  }
  return types;
}

namespace {

// The carries and captures of the body that get a cotangent, by argument.
struct Asked {
  std::vector<int> carries, captures;

  Asked(const Differentiator& ad, const Op& loop) : carries(seeded_results(ad, loop)) {
    const int carried = int(carried_by(loop));
    for (const int i : wanted_operands(ad, loop, 0)) {
      if (i >= carried) captures.push_back(i);
    }
    std::erase_if(carries, [&](int i) { return i >= carried; });
  }
  std::vector<int> all() const {
    std::vector<int> both = carries;
    both.insert(both.end(), captures.begin(), captures.end());
    return both;
  }
};

// The loop again over `operands`, counting its turns; where `body` yields more than the carries,
// the rest is written to a tape. Carries: the loop's own, the count, the tape.
class Taped {
 public:
  Taped(Builder& b, const Op& loop, std::span<Value* const> operands)
      : b_(b),
        loop_(loop),
        carries_(operands.begin(), operands.begin() + long(carried_by(loop))),
        captures_(operands.begin() + long(carried_by(loop)), operands.end()) {}

  Op& write(const Region& body) {
    Values frame;
    for (std::size_t i = carries_.size(); i < body.results.size(); ++i) {
      frame.push_back(zeros(b_, body.results[i]->type));
    }
    Values own{integer(b_, Dtype::I32, 0)};
    if (!frame.empty()) own.push_back(tape_new(b_, std::move(frame)));
    const std::size_t carried = carries_.size() + own.size();
    return while_loop(b_, joined(joined(carries_, own), captures_), carried, test(own),
                      turn(body, own));
  }

 private:
  // A region of the new loop, and the old one's results in it.
  std::pair<std::unique_ptr<Region>, Values> inlined(const Region& old, const Values& own) const {
    auto region = std::make_unique<Region>();
    Values args;
    for (std::size_t i = 0; i < old.args.size(); ++i) {
      if (i == carries_.size()) add_own(*region, own);
      args.push_back(region->add_arg(old.arg(i)->type, old.arg(i)->name));
    }
    if (captures_.empty()) add_own(*region, own);
    Values results = Builder(*region).inline_region(old, args);
    return {std::move(region), std::move(results)};
  }

  static void add_own(Region& region, const Values& own) {
    for (const Value* value : own) {
      const bool tape = value->type.kind() == Type::Kind::Tape;
      region.add_arg(value->type, tape ? "tape" : "turn");
    }
  }

  std::unique_ptr<Region> test(const Values& own) const {
    auto [region, results] = inlined(loop_.region(0), own);
    region->results = std::move(results);
    return std::move(region);
  }

  std::unique_ptr<Region> turn(const Region& body, const Values& own) const {
    auto [region, results] = inlined(body, own);
    Builder b(*region);
    b.at(b_.where());
    const Values frame(results.begin() + long(carries_.size()), results.end());
    results.resize(carries_.size());
    Value* index = region->arg(carries_.size());
    results.push_back(add(b, index, integer(b, Dtype::I32, 1)));
    if (!frame.empty()) {
      results.push_back(tape_write(b, region->arg(carries_.size() + 1), index, frame));
    }
    region->results = std::move(results);
    return std::move(region);
  }

  Builder& b_;
  const Op& loop_;
  const Values carries_, captures_;
};

// Of a loop per sample: what its turn makes of a sample that does not go on, NaN perhaps, is 0 to
// the reverse of the turn, whose cotangents are 0 there. (What the turn began with may stay.)
void leave_finished_out(Region& frame, const Op& loop) {
  const std::optional<std::size_t> running = carry_of_samples(loop);
  if (!running) return;
  Builder b(frame);
  b.at(loop.where);
  Value* on = frame.arg(*running);
  const Dim& samples = on->type.shape()[0];
  for (std::size_t i = carried_by(loop); i < frame.results.size(); ++i) {
    Value*& left = frame.results[i];
    if (left->op == nullptr || !left->type.is_tensor() || !is_float(left->type.dtype())) continue;
    const Shape& shape = left->type.shape();
    const auto axis = std::find(shape.begin(), shape.end(), samples);
    if (axis == shape.end()) continue;
    Value* here = broadcast_to(b, on, shape, {axis - shape.begin()});
    left = select(b, here, left, zeros(b, left->type));
  }
}

}  // namespace

// Saved: what a turn leaves, its reverse, what captures alone decide.
Augmented augment_while(Differentiator& ad, Builder& b, const Op& op,
                        std::span<Value* const> operands) {
  const Asked asked(ad, op);
  const Region& body = op.region(1);
  SortedResiduals r =
      sort_residuals(ad.derive(body, asked.all(), asked.carries), body, carried_by(op));
  leave_finished_out(*r.forward, op);
  std::vector<std::unique_ptr<Region>> saved(3);
  saved[1] = std::move(r.reverse);
  saved[2] = std::move(r.invariants);
  Op& y =
      is_capped(op) ? with_checkpoints(b, op, operands) : Taped(b, op, operands).write(*r.forward);
  saved[0] = std::move(r.forward);
  return {y, std::move(saved)};
}

namespace {

// How many carries the loop that was augmented has, and the tape of its turns.
struct TapedLoop {
  const Op& op;
  bool capped;

  Value* tape() const {
    Value* last = op.results.back().get();
    return last->type.kind() == Type::Kind::Tape ? last : nullptr;
  }
  std::size_t carried() const {
    return op.results.size() - (capped ? kCheckpointCarries : tape() ? 2 : 1);
  }
  Value* turns() const { return op.result(carried()); }
  Values captures() const {
    const std::size_t added = capped ? 1 : 0;  // the most checkpoints
    return {op.operands.begin() + long(op.results.size() + added), op.operands.end()};
  }
};

ReverseTurn reverse_turn(Builder& b, const TurnRegions& regions, const ReverseTurn& turn,
                         const ReverseEnv& env) {
  ReverseTurn next = turn;
  next.left = sub(b, turn.left, integer(b, Dtype::I32, 1));
  Values frame;
  if (env.tape) {
    for (const auto& part : tape_read(b, env.tape, next.left).results) frame.push_back(part.get());
  }
  const Values pulled =
      b.inline_region(regions.reverse, joined(joined(frame, env.invariants), turn.cotangents));
  auto d = pulled.begin();
  for (Value*& cotangent : next.cotangents) cotangent = *d++;
  for (Value*& sum : next.sums) sum = add(b, sum, *d++);
  if (next.error) next.error = max(b, next.error, *d);
  return next;
}

// From these cotangents of the loop's results.
ReverseTurn start_of(Builder& b, const Op& y, const Asked& asked, const Region& reverse,
                     std::span<Value* const> dy) {
  ReverseTurn start;
  for (const int i : asked.carries) {
    Value* d = dy[std::size_t(i)];
    start.cotangents.push_back(d ? d : zeros(b, y.result(std::size_t(i))->type));
  }
  for (const int i : asked.captures) {
    start.sums.push_back(zeros(b, y.operands[std::size_t(i)]->type));
  }
  const bool tells = reverse.results.size() > asked.all().size();
  if (tells) start.error = zeros(b, reverse.results.back()->type);
  return start;
}

}  // namespace

ReverseTurn sweep_back(Builder& b, const TurnRegions& turn, const ReverseTurn& start,
                       const ReverseEnv& env) {
  return emit_while(
      b, start, env,
      [](Builder& in, const ReverseTurn& now, const ReverseEnv&) {
        return gt(in, now.left, integer(in, Dtype::I32, 0));
      },
      [&](Builder& in, const ReverseTurn& now, const ReverseEnv& fixed) {
        return reverse_turn(in, turn, now, fixed);
      });
}

std::vector<Value*> reverse_while(Differentiator& ad, Builder& b, const Op& y, Saved saved,
                                  std::span<Value* const> dy) {
  const bool capped = has_checkpoints(y);
  const TapedLoop loop{y, capped};
  const Asked asked(ad, y);
  const TurnRegions turn{*saved[0], *saved[1], loop.carried()};
  ReverseTurn start = start_of(b, y, asked, turn.reverse, dy);
  start.left = loop.turns();
  const Values captures = loop.captures();
  const ReverseEnv env{loop.tape(), b.inline_region(*saved[2], captures),
                       capped ? captures : Values()};
  const ReverseTurn end =
      capped ? sweep_back_capped(b, y, turn, start, env) : sweep_back(b, turn, start, env);
  if (end.error) ad.report_error(b, end.error);
  Values dx(y.operands.size(), nullptr);
  for (std::size_t i = 0; i < asked.carries.size(); ++i) {
    dx[std::size_t(asked.carries[i])] = end.cotangents[i];
  }
  for (std::size_t i = 0; i < asked.captures.size(); ++i) {
    dx[std::size_t(asked.captures[i])] = end.sums[i];
  }
  return dx;
}

}  // namespace nodec
