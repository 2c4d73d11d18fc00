// Control: who does what, when the team meets, loops, branches, tapes and stops.
#include <cstddef>

#include "compiler/codegen/walk.h"
#include "ir/abi.h"
#include "ir/primitive.h"
#include "ir/status.h"
#include "kernels/catalogue.h"

namespace nodec {

using namespace plan;

Scalar scalar_kind(Dtype dtype) {
  switch (dtype) {
    case Dtype::Bool:
      return Scalar::Pred;
    case Dtype::U8:
    case Dtype::I32:
      return Scalar::I32;
    case Dtype::I64:
    case Dtype::Key:
      return Scalar::I64;
    case Dtype::F32:
      return Scalar::F32;
    case Dtype::F64:
      return Scalar::F64;
  }
  return Scalar::F32;
}

Walker::Walker(Emitter& emitter, const Plan& plan)
    : e_(emitter),
      plan_(plan),
      scalars_(plan.scalars.size()),
      frames_(static_cast<std::size_t>(plan.frames)) {}

void Walker::functions() {
  for (const Function& f : plan_.functions) {
    std::vector<Scalar> kinds{Scalar::Pointer};
    for (const Dtype d : f.scalar_dtypes) kinds.push_back(scalar_kind(d));
    kinds.insert(kinds.end(), f.pointers.size(), Scalar::Pointer);
    functions_.push_back(e_.function(f.name, kinds, [&](std::span<const Code> x) {
      begin(x[0], i64(0));  // tiles know no threads
      for (std::size_t i = 0; i < f.scalars.size(); ++i) {
        scalars_[static_cast<std::size_t>(f.scalars[i])] = x[1 + i];
      }
      for (std::size_t i = 0; i < f.pointers.size(); ++i) {
        arguments_[f.pointers[i]] = x[1 + f.scalars.size() + i];
      }
      for (const Node& node : f.body) {
        if (const Scalars* s = std::get_if<Scalars>(&node.what)) {
          scalars(*s);
        } else {
          for (const Kernel& k : std::get<Tiles>(node.what).kernels) {
            std::visit([&](const auto& one) { kernel(one); }, k);
          }
        }
      }
    }));
  }
}

void Walker::entry(Code frame, Code thread) {
  begin(frame, thread);
  walk(plan_.body);
}

void Walker::begin(Code frame, Code thread) {
  frame_ = frame;
  thread_ = thread;
  zero_ = i64(0);
  one_ = i64(1);
  tile_ = {};
  arguments_.clear();
  locals_.clear();
}

void Walker::call_shared(const std::string& name, std::span<const Scalar> kinds,
                         std::vector<Code> arguments,
                         const std::function<void(std::span<const Code>)>& body) {
  auto found = shared_.find(name);
  if (found == shared_.end()) {
    const auto here = std::tuple(frame_, thread_, zero_, one_, tile_, arguments_, locals_);
    std::vector<Scalar> parameters{Scalar::Pointer, Scalar::I64};
    parameters.insert(parameters.end(), kinds.begin(), kinds.end());
    const int made = e_.function(name, parameters, [&](std::span<const Code> x) {
      begin(x[0], x[1]);
      body(x.subspan(2));
    });
    std::tie(frame_, thread_, zero_, one_, tile_, arguments_, locals_) = here;
    found = shared_.emplace(name, made).first;
  }
  arguments.insert(arguments.begin(), {frame_, thread_});
  e_.call(found->second, arguments);
}

Code Walker::as_pointer(Code integer) {
  return e_.pointer_add(e_.constant_bits(Scalar::Pointer, 0), integer);
}

Code Walker::field(std::int64_t offset) {
  return as_pointer(e_.load(frame_, i64(offset / 8), Dtype::I64));
}

Code Walker::symbol(std::string_view name) {
  const auto& symbols = plan_.signature.symbols;
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i] == name) {
      return e_.load(field(offsetof(CallFrame, symbols)), i64(static_cast<std::int64_t>(i)),
                     Dtype::I64);
    }
  }
  NODEC_CHECK(false, "the signature has no symbol '{}'", name);
}

Code Walker::evaluate(const Dim& dim) {
  if (dim.is_constant()) return i64(dim.constant());
  Code sum = zero_;
  for (const auto& [factors, count] : dim.terms()) {
    Code product = i64(count);
    for (const std::string& name : factors) product = e_.mul(product, symbol(name));
    sum = e_.add(sum, product);
  }
  return sum;
}

Code Walker::minimum(Code a, Code b) { return e_.select(e_.compare(Compare::Lt, a, b), a, b); }

Code Walker::times(Code a, std::int64_t n) { return n == 1 ? a : e_.mul(a, i64(n)); }

// The address of a buffer's first element for the current tile, slot or team.
Code Walker::base(int buffer) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(buffer)];
  const auto size = static_cast<std::int64_t>(bytes(b.dtype));
  const auto tile_bytes = [&] {
    return times(e_.add(times(tile_.block, b.elements * kBlock), tile_.lane), size);
  };
  switch (b.space) {
    case Buffer::Space::Input:
    case Buffer::Space::Output:
      return as_pointer(e_.load(field(offsetof(CallFrame, ports)), i64(b.index), Dtype::I64));
    case Buffer::Space::Dense:
    case Buffer::Space::Slots:
      return as_pointer(e_.load(field(offsetof(CallFrame, scratch)), i64(b.index), Dtype::I64));
    case Buffer::Space::Lanes: {
      const Code start =
          as_pointer(e_.load(field(offsetof(CallFrame, scratch)), i64(b.index), Dtype::I64));
      return e_.pointer_add(start, tile_bytes());
    }
    case Buffer::Space::Frame:
      return e_.pointer_add(frames_[static_cast<std::size_t>(b.index)],
                            e_.add(evaluate(b.offset), tile_bytes()));
    case Buffer::Space::FrameDense:
      return e_.pointer_add(frames_[static_cast<std::size_t>(b.index)], evaluate(b.offset));
    case Buffer::Space::Local: {
      const auto found = locals_.find(buffer);
      if (found != locals_.end()) return found->second;
      return locals_[buffer] = e_.local(b.elements * kBlock * size);
    }
    case Buffer::Space::ArgLanes:
    case Buffer::Space::ArgDense:
      return arguments_.at(buffer);
  }
  return {};
}

void Walker::walk(const Nodes& nodes) {
  for (const Node& node : nodes) {
    std::visit(
        [&](const auto& n) {
          using T = std::decay_t<decltype(n)>;
          if constexpr (std::is_same_v<T, Scalars>) scalars(n);
          if constexpr (std::is_same_v<T, Phase>) phase(n);
          if constexpr (std::is_same_v<T, Tiles>) tiles(n);
          if constexpr (std::is_same_v<T, ClearSlots>) clear_slots(n);
          if constexpr (std::is_same_v<T, FoldSlots>) fold_slots(n);
          if constexpr (std::is_same_v<T, While>) loop(n);
          if constexpr (std::is_same_v<T, If>) branch(n);
          if constexpr (std::is_same_v<T, TapeFrame>) tape_frame(n);
          if constexpr (std::is_same_v<T, FailIf>) fail_if(n);
          if constexpr (std::is_same_v<T, DenseKernel>) dense(n);
          if constexpr (std::is_same_v<T, LoadScalar>) {
            scalars_[static_cast<std::size_t>(n.scalar)] = read_at(ready(n.from), {});
          }
          if constexpr (std::is_same_v<T, StoreScalar>) {
            only_first(
                [&] { write_at(ready(n.to), {}, scalars_[static_cast<std::size_t>(n.scalar)]); });
          }
          if constexpr (std::is_same_v<T, Table>) only_first([&] { table(n); });
          if constexpr (std::is_same_v<T, Barrier>) {
            e_.call_runtime("nodec_barrier", std::vector<Code>{frame_, thread_}, false);
          }
        },
        node.what);
  }
}

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

void Walker::table(const Table& node) {
  const Buffer& b = plan_.buffers[static_cast<std::size_t>(node.buffer)];
  const auto& values = node.op->attrs.get<std::vector<double>>("values");
  const Code pointer = base(node.buffer);
  for (std::size_t i = 0; i < values.size(); ++i) {
    e_.store(pointer, i64(static_cast<std::int64_t>(i)), b.dtype,
             e_.constant(scalar_kind(b.dtype), values[i]));
  }
}

void Walker::scalars(const Scalars& node) {
  for (std::size_t i = 0; i < node.computes.size(); ++i) {
    const Compute& c = node.computes[i];
    Code& to = scalars_[static_cast<std::size_t>(node.results[i])];
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

void Walker::tiles(const Tiles& node) {
  const Code first = times(tile_.chunk, kChunk);
  const Code last = minimum(e_.add(first, i64(kChunk)), symbol(kBlocksSymbol));
  const Code batch = symbol(plan_.signature.batch);
  const auto one_tile = [&](Code block, Code lane) {
    tile_.block = block;
    tile_.lane = lane;
    tile_.sample = e_.add(times(block, kBlock), lane);
    const Code left = e_.convert(e_.sub(batch, tile_.sample), Scalar::I32);
    tile_.valid = e_.compare(Compare::Lt, e_.lane_index(), left);
    for (const Kernel& k : node.kernels) std::visit([&](const auto& one) { kernel(one); }, k);
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
  const Code address =
      e_.call_runtime("nodec_tape_frame", std::vector<Code>{frame_, i64(node.tape), index}, true);
  const Code pointer = as_pointer(address);
  frames_[static_cast<std::size_t>(node.frame)] = pointer;
  const auto size = [](Dtype d) { return static_cast<std::int64_t>(bytes(d)); };
  for (const TapeFrame::Part& p : node.loads) {
    scalars_[static_cast<std::size_t>(p.scalar)] =
        in_register(e_.load(pointer, i64(p.offset / size(p.dtype)), p.dtype), p.dtype);
  }
  if (!node.writes) return;
  const Code full = e_.compare(Compare::Eq, address, zero_);
  stop_if(full, i64(static_cast<std::int64_t>(Status::TapeLimit)), node.progress);
  only_first([&] {
    for (const TapeFrame::Part& p : node.stores) {
      e_.store(pointer, i64(p.offset / size(p.dtype)), p.dtype,
               scalars_[static_cast<std::size_t>(p.scalar)]);
    }
  });
}

void Walker::fail_if(const FailIf& node) {
  const Code status = e_.convert(scalars_[static_cast<std::size_t>(node.status)], Scalar::I64);
  stop_if(e_.compare(Compare::Ne, status, zero_), status, node.progress);
}

// Every thread returns; the first one writes the outcome.
void Walker::stop_if(Code stops, Code status, const std::optional<Progress>& progress) {
  const Code outcome = field(offsetof(CallFrame, outcome));
  const auto put = [&](std::size_t offset, Dtype dtype, Code value) {
    e_.store(outcome, i64(static_cast<std::int64_t>(offset / 8)), dtype, value);
  };
  const auto number = [&](int id, Scalar kind) {
    return e_.convert(scalars_[static_cast<std::size_t>(id)], kind);
  };
  e_.branch(
      e_.bit_and(stops, e_.compare(Compare::Eq, thread_, zero_)),
      [&] {
        put(offsetof(Outcome, status), Dtype::I64, status);
        if (!progress) return Emitter::Values{};
        put(offsetof(Outcome, t), Dtype::F64, number(progress->t, Scalar::F64));
        put(offsetof(Outcome, dt), Dtype::F64, number(progress->dt, Scalar::F64));
        put(offsetof(Outcome, accepted), Dtype::I64, number(progress->accepted, Scalar::I64));
        put(offsetof(Outcome, rejected), Dtype::I64, number(progress->rejected, Scalar::I64));
        return Emitter::Values{};
      },
      [] { return Emitter::Values{}; });
  e_.return_if(stops);
}

}  // namespace nodec
