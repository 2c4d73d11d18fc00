// Control: who does what, when the team meets, loops, branches and tapes.
#include <cstddef>

#include "compiler/codegen/walk.h"
#include "ir/abi.h"
#include "ir/primitive.h"
#include "ir/status.h"
#include "kernels/catalogue.h"

namespace nodec {

using namespace plan;

void Walker::walk(const Nodes& nodes) {
  for (const Node& node : nodes) {
    if (schedule_.meetings.contains(node.number)) meet();
    std::visit(
        [&](const auto& n) {
          using T = std::decay_t<decltype(n)>;
          if constexpr (std::is_same_v<T, Scalars>) scalars(n);
          if constexpr (std::is_same_v<T, Phase>) phase(n);
          if constexpr (std::is_same_v<T, Tiles>) tiles(node);
          if constexpr (std::is_same_v<T, ClearSlots>) clear_slots(n);
          if constexpr (std::is_same_v<T, FoldSlots>) {
            how_ = &schedule_.loops.at(static_cast<std::size_t>(node.kernel));
            fold_slots(n);
          }
          if constexpr (std::is_same_v<T, While>) loop(n);
          if constexpr (std::is_same_v<T, If>) branch(n);
          if constexpr (std::is_same_v<T, TapeFrame>) tape_frame(n);
          if constexpr (std::is_same_v<T, FailIf>) fail_if(n);
          if constexpr (std::is_same_v<T, Call>) call(n);
          if constexpr (std::is_same_v<T, Tell>) tell(n);
          if constexpr (std::is_same_v<T, DenseKernel>) {
            how_ = &schedule_.loops.at(static_cast<std::size_t>(node.kernel));
            e_.at(line_of(n));
            dense(n);
          }
          if constexpr (std::is_same_v<T, LoadScalar>) {
            scalars_[static_cast<std::size_t>(n.scalar)] = read_at(ready(n.from), {});
          }
          if constexpr (std::is_same_v<T, StoreScalar>) {
            const auto write = [&] {
              write_at(ready(n.to), {}, scalars_[static_cast<std::size_t>(n.scalar)]);
            };
            is_own(n.to) ? write() : only_first(write);
          }
        },
        node.what);
  }
}

void Walker::meet() { e_.call_runtime("nodec_barrier", std::vector<Code>{frame_, thread_}, false); }

void Walker::only_first(const std::function<void()>& body) {
  e_.branch(
      e_.compare(Compare::Eq, thread_, zero_),
      [&] {
        body();
        return Emitter::Values{};
      },
      [] { return Emitter::Values{}; });
}

Code Walker::constant(const Op& op) {
  const Dtype dtype = op.result()->type.dtype();
  const Attr& value = *op.attrs.find("value");
  if (const double* x = std::get_if<double>(&value)) return e_.constant(scalar_kind(dtype), *x);
  if (const bool* x = std::get_if<bool>(&value)) return e_.constant(scalar_kind(dtype), *x ? 1 : 0);
  return e_.constant_bits(scalar_kind(dtype),
                          static_cast<std::uint64_t>(std::get<std::int64_t>(value)));
}

void Walker::scalars(const Scalars& node) {
  for (std::size_t i = 0; i < node.computes.size(); ++i) {
    const Compute& c = node.computes[i];
    Code& to = scalars_[static_cast<std::size_t>(node.results[i])];
    e_.at(c.op->where);
    if (c.op->primitive == &constant_p) {
      to = constant(*c.op);
    } else if (c.op->primitive == &dim_p) {
      to = evaluate(c.op->attrs.get<Shape>("size")[0]);
    } else {
      std::vector<Code> x;
      for (const Operand& operand : ready_all(c)) x.push_back(read_at(operand, {}));
      to = c.op->primitive->generate ? c.op->primitive->generate(e_, *c.op, x, zero_)
                                     : apply(c.op, x);
    }
  }
}

std::pair<Code, Code> Walker::my_share(Code count) {
  if (how_ && how_->who != Who::Team) return {zero_, count};
  const Code threads = e_.load(frame_, i64(offsetof(CallFrame, threads) / 8), Dtype::I64);
  const Code first = e_.div_signed(e_.mul(thread_, count), threads);
  const Code last = e_.div_signed(e_.mul(e_.add(thread_, one_), count), threads);
  return {first, last};
}

void Walker::phase(const Phase& node) {
  const auto [first, last] = my_share(symbol(kChunksSymbol));
  e_.loop(first, last, 1, {}, [&](Code chunk, Emitter::Values) {
    tile_.chunk = chunk;
    walk(node.body);
    return Emitter::Values{};
  });
  const Code done = field(offsetof(CallFrame, chunks_done));
  const Code mine = times(thread_, 8);
  e_.store(done, mine, Dtype::I64, e_.add(e_.load(done, mine, Dtype::I64), e_.sub(last, first)));
}

const Axis& Walker::axis(std::size_t i) const {
  static const Axis in_turn;
  return i < how_->axes.size() ? how_->axes[i] : in_turn;
}

void Walker::kernels(const Node& node) {
  auto number = static_cast<std::size_t>(node.kernel);
  for (const Kernel& k : std::get<Tiles>(node.what).kernels) {
    how_ = &schedule_.loops.at(number++);
    e_.at(line_of(k));
    std::visit([&](const auto& one) { kernel(one); }, k);
  }
}

void Walker::tiles(const Node& node) {
  const Code first = times(tile_.chunk, kChunk);
  const Code last = minimum(e_.add(first, i64(kChunk)), symbol(kBlocksSymbol));
  const Code batch = symbol(plan_.signature.batch);
  const auto one_tile = [&](Code block, Code lane) {
    tile_.block = block;
    tile_.lane = lane;
    tile_.sample = e_.add(times(block, kBlock), lane);
    const Code left = e_.convert(e_.sub(batch, tile_.sample), Scalar::I32);
    tile_.valid = e_.compare(Compare::Lt, e_.lane_index(), left);
    kernels(node);
    return Emitter::Values{};
  };
  e_.loop(first, last, 1, {}, [&](Code block, Emitter::Values) {
    if (e_.lanes() == kBlock) return one_tile(block, zero_);
    return e_.loop(zero_, i64(kBlock), e_.lanes(), {},
                   [&](Code lane, Emitter::Values) { return one_tile(block, lane); });
  });
}

void Walker::loop(const While& node) {
  Emitter::Values init;
  for (const Carry& c : node.carries) init.push_back(scalars_[static_cast<std::size_t>(c.init)]);
  const auto enter = [&](const Emitter::Values& state) {
    for (std::size_t i = 0; i < state.size(); ++i) {
      scalars_[static_cast<std::size_t>(node.carries[i].scalar)] = state[i];
    }
  };
  const Emitter::Values end = e_.while_loop(
      init,
      [&](const Emitter::Values& state) {
        enter(state);
        walk(node.test);
        return scalars_[static_cast<std::size_t>(node.test_scalar)];
      },
      [&](Emitter::Values state) {
        enter(state);
        walk(node.body);
        Emitter::Values next;
        for (const Carry& c : node.carries) {
          next.push_back(scalars_[static_cast<std::size_t>(c.next)]);
        }
        return next;
      });
  enter(end);
}

void Walker::branch(const If& node) {
  const auto take = [&](const Nodes& body, bool then) {
    walk(body);
    Emitter::Values out;
    for (const Merge& m : node.merges) {
      out.push_back(scalars_[static_cast<std::size_t>(then ? m.when_true : m.when_false)]);
    }
    return out;
  };
  const Emitter::Values merged = e_.branch(
      scalars_[static_cast<std::size_t>(node.predicate)],
      [&] { return take(node.then_body, true); }, [&] { return take(node.else_body, false); });
  for (std::size_t i = 0; i < merged.size(); ++i) {
    scalars_[static_cast<std::size_t>(node.merges[i].scalar)] = merged[i];
  }
}

void Walker::tape_frame(const TapeFrame& node) {
  const Code index = e_.convert(scalars_[static_cast<std::size_t>(node.index)], Scalar::I64);
  const Code address = e_.call_runtime(node.writes ? "nodec_tape_frame" : "nodec_tape_read",
                                       std::vector<Code>{frame_, i64(node.tape), index}, true);
  // The runtime knows whether it was the limit.
  const Code refused = e_.compare(Compare::Eq, address, zero_);
  stop_if(refused, i64(static_cast<std::int64_t>(Status::TapeLimit)), node.progress);
  const Code pointer = as_pointer(address);
  frames_[static_cast<std::size_t>(node.frame)] = pointer;
  const auto size = [](Dtype d) { return static_cast<std::int64_t>(bytes(d)); };
  for (const TapeFrame::Part& p : node.loads) {
    scalars_[static_cast<std::size_t>(p.scalar)] =
        in_register(e_.load(pointer, i64(p.offset / size(p.dtype)), p.dtype), p.dtype);
  }
  if (!node.writes) return;
  only_first([&] {
    for (const TapeFrame::Part& p : node.stores) {
      e_.store(pointer, i64(p.offset / size(p.dtype)), p.dtype,
               scalars_[static_cast<std::size_t>(p.scalar)]);
    }
  });
}

}  // namespace nodec
