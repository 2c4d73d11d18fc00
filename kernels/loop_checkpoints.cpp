// Problem: the gradient of a loop of N turns, N unknown before it ends, in the memory of M frames.
//
// Forward, the carries at turns 0, s, 2s, ... are kept, at most C of them. When the next one would
// be too many, every second is dropped and s doubles: C/2 to C checkpoints stand at equal distances
// whatever N turns out to be. In reverse, from the last checkpoint to the first, the s turns behind
// one run again, this time writing their frames, and are reversed. So the memory is that of C
// states and of s <= 2 N / C frames, and every turn runs twice: with C = M / 2 this holds for all N
// up to M^2 / 8. (Online checkpointing: Stumm and Walther, New algorithms for optimal online
// checkpointing, SIAM J. Sci. Comput. 32, 2010; Wang, Moin and Iaccarino, Minimal repetition
// dynamic checkpointing, ibid. 31, 2009, who recompute less evenly.)
//
// Invariant: checkpoint m, frame m of the tape, holds the carries as turn m * s began. The frame
// behind the last one is written by every turn, and counts when its turn comes.
#include "kernels/loop_checkpoints.h"

#include "kernels/build.h"
#include "kernels/regions.h"
#include "kernels/residuals.h"

namespace nodec {
namespace {

struct Forward {
  Values carries;
  Value *turn = nullptr, *checkpoints = nullptr, *spacing = nullptr, *tape = nullptr;

  template <class F>
  void each(F&& f) {
    each_of(f, carries, "carry"), f(turn, "turn"), f(checkpoints, "checkpoints");
    f(spacing, "spacing"), f(tape, "tape");
  }
};

struct ForwardEnv {
  Value* half = nullptr;  // of the most checkpoints
  Values captures;

  template <class F>
  void each(F&& f) {
    f(half, "half"), each_of(f, captures, "capture");
  }
};

Value* number(Builder& b, std::int64_t n) { return integer(b, Dtype::I32, n); }

// Half of the checkpoints that half of the cap holds: at least one, so that two stand.
Value* half_of_most(Builder& b, const Op& loop, const Values& carries) {
  Dim frame = 0;
  for (const Value* carry : carries) {
    frame =
        frame + element_count(carry->type.shape()) * Dim(std::int64_t(bytes(carry->type.dtype())));
  }
  const auto wide = [&](std::int64_t n) { return integer(b, Dtype::I64, n); };
  const std::int64_t cap = attribute<std::int64_t>(loop, "tape_bytes");
  Value* size = max(b, dim(b, frame), wide(1));
  Value* fit =
      cast(b, floor(b, div(b, scalar(b, Dtype::F64, double(cap) / 4), cast(b, size, Dtype::F64))),
           Dtype::I64);
  constexpr std::int64_t kMost = 1 << 24;
  return cast(b, min(b, max(b, fit, wide(1)), wide(kMost)), Dtype::I32);
}

struct Thinned {
  Value *at = nullptr, *tape = nullptr;

  template <class F>
  void each(F&& f) {
    f(at, "at"), f(tape, "tape");
  }
};

// Keeps every second checkpoint where `full`.
Value* thinned(Builder& b, Value* tape, Value* full, const ForwardEnv& env) {
  const Thinned start{select(b, full, number(b, 1), env.half), tape};
  return emit_while(
             b, start, ForwardEnv{env.half, {}},
             [](Builder& in, const Thinned& now, const ForwardEnv& fixed) {
               return lt(in, now.at, fixed.half);
             },
             [](Builder& in, const Thinned& now, const ForwardEnv&) {
               const Op& second = tape_read(in, now.tape, add(in, now.at, now.at));
               return Thinned{add(in, now.at, number(in, 1)),
                              tape_write(in, now.tape, now.at, second.all_results())};
             })
      .tape;
}

Forward forward_turn(Builder& b, const Op& loop, const Forward& now, const ForwardEnv& env) {
  Forward next;
  next.carries = b.inline_region(loop.region(1), joined(now.carries, env.captures));
  next.turn = add(b, now.turn, number(b, 1));
  Value* due = eq(b, now.turn, mul(b, now.checkpoints, now.spacing));
  Value* most = add(b, env.half, env.half);
  Value* full = logical_and(b, due, ge(b, now.checkpoints, most));
  Value* tape = thinned(b, now.tape, full, env);
  Value* place = select(b, full, env.half, now.checkpoints);
  next.spacing = select(b, full, add(b, now.spacing, now.spacing), now.spacing);
  next.tape = tape_write(b, tape, place, now.carries);
  next.checkpoints = add(b, place, cast(b, due, Dtype::I32));
  return next;
}

}  // namespace

bool is_capped(const Op& loop) { return loop.attrs.has("tape_bytes"); }
bool has_checkpoints(const Op& loop) { return loop.attrs.has("checkpoints"); }

Op& with_checkpoints(Builder& b, const Op& loop, std::span<Value* const> operands) {
  const auto captures = operands.begin() + long(carried_by(loop));
  Forward start{{operands.begin(), captures}, number(b, 0), number(b, 0), number(b, 1), nullptr};
  Values like;
  for (const Value* carry : start.carries) like.push_back(zeros(b, carry->type));
  start.tape = tape_new(b, std::move(like));
  const ForwardEnv env{half_of_most(b, loop, start.carries), {captures, operands.end()}};
  emit_while(
      b, start, env,
      [&](Builder& in, const Forward& now, const ForwardEnv& fixed) {
        return in.inline_region(loop.region(0), joined(now.carries, fixed.captures)).front();
      },
      [&](Builder& in, const Forward& now, const ForwardEnv& fixed) {
        return forward_turn(in, loop, now, fixed);
      });
  Op& y = *b.region().ops.back();
  y.attrs.set("checkpoints", true);
  return y;
}

namespace {

// The turns behind one checkpoint, run again.
struct Again {
  Values carries;
  Value *turn = nullptr, *tape = nullptr;

  template <class F>
  void each(F&& f) {
    each_of(f, carries, "carry"), f(turn, "turn"), f(tape, "tape");
  }
};

struct AgainEnv {
  Value* turns = nullptr;
  Values captures;

  template <class F>
  void each(F&& f) {
    f(turns, "turns"), each_of(f, captures, "capture");
  }
};

// Returns the tape of their frames, or null where a frame is empty.
Value* run_again(Builder& b, const TurnRegions& turn, Values carries, Value* turns,
                 const Values& captures) {
  Again start{std::move(carries), number(b, 0), nullptr};
  Values like;
  for (const Type& type : turn.frame_types()) like.push_back(zeros(b, type));
  if (like.empty()) return nullptr;
  start.tape = tape_new(b, std::move(like));
  return emit_while(
             b, start, AgainEnv{turns, captures},
             [](Builder& in, const Again& now, const AgainEnv& env) {
               return lt(in, now.turn, env.turns);
             },
             [&](Builder& in, const Again& now, const AgainEnv& env) {
               const Values out = in.inline_region(turn.frame, joined(now.carries, env.captures));
               const auto frame = out.begin() + long(turn.carried);
               return Again{{out.begin(), frame},
                            add(in, now.turn, number(in, 1)),
                            tape_write(in, now.tape, now.turn, {frame, out.end()})};
             })
      .tape;
}

struct CappedEnv {
  ReverseEnv turn;  // its tape is that of the checkpoints
  Value *turns = nullptr, *spacing = nullptr;

  template <class F>
  void each(F&& f) {
    turn.each(f), f(turns, "turns"), f(spacing, "spacing");
  }
};

}  // namespace

ReverseTurn sweep_back_capped(Builder& b, const Op& y, const TurnRegions& turn,
                              const ReverseTurn& start, const ReverseEnv& env) {
  Value *turns = y.result(turn.carried), *checkpoints = y.result(turn.carried + 1);
  Value *spacing = y.result(turn.carried + 2), *tape = y.result(turn.carried + 3);
  CappedEnv fixed{env, turns, spacing};
  fixed.turn.tape = tape;
  ReverseTurn segments = start;
  segments.left = checkpoints;
  return emit_while(
      b, segments, fixed,
      [](Builder& in, const ReverseTurn& now, const CappedEnv&) {
        return gt(in, now.left, number(in, 0));
      },
      [&](Builder& in, const ReverseTurn& now, const CappedEnv& all) {
        Value* checkpoint = sub(in, now.left, number(in, 1));
        Value* rest = sub(in, all.turns, mul(in, checkpoint, all.spacing));
        Value* length = select(in, lt(in, rest, all.spacing), rest, all.spacing);
        const Values carries = tape_read(in, all.turn.tape, checkpoint).all_results();
        ReverseEnv inner = all.turn;
        inner.tape = run_again(in, turn, carries, length, all.turn.captures);
        ReverseTurn back = now;
        back.left = length;
        back = sweep_back(in, turn, back, inner);
        back.left = checkpoint;
        return back;
      });
}

}  // namespace nodec
