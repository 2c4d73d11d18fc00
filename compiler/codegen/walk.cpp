// Nodes and functions of a plan.
#include "compiler/codegen/walk.h"

#include "ir/primitive.h"
#include "ir/status.h"
#include "kernels/catalogue.h"

namespace nodec::codegen {

using namespace plan;

Walker::Walker(Emitter& emitter, Team& team, const Plan& plan, const Schedule& schedule)
    : w_(emitter, team, plan, schedule),
      places_(w_),
      reports_(w_),
      shared_(w_, places_),
      elements_(w_, places_),
      tile_(w_, places_, elements_, functions_),
      moves_(w_, places_, elements_, shared_),
      sums_(w_, places_, elements_, shared_),
      dense_(w_, places_, elements_, shared_),
      contracts_(w_, places_, elements_, shared_) {}

void Walker::functions() {
  for (const Function& f : w_.plan.functions) {
    functions_.push_back(f.team ? team_function(f) : tile_function(f));
  }
}

void Walker::entry() {
  places_.begin(Scope::Team);
  walk(w_.plan.body);
}

void Walker::take_scalars(const Function& f, std::span<const Code> x) {
  for (std::size_t i = 0; i < f.scalars.size(); ++i) w_.scalar(f.scalars[i]) = x[i];
}

std::span<const Code> Walker::take_frames(const Function& f, std::span<const Code> x) {
  for (std::size_t i = 0; i < f.frames.size(); ++i) places_.tape_frame(f.frames[i], x[i]);
  return x.subspan(f.frames.size());
}

int Walker::tile_function(const Function& f) {
  std::vector<Scalar> kinds;
  for (const Dtype d : f.scalar_dtypes) kinds.push_back(scalar_kind(d));
  const std::vector<int> passed = w_.passed(f);
  kinds.insert(kinds.end(), passed.size() + f.frames.size(), Scalar::Pointer);
  if (f.placed) kinds.insert(kinds.end(), Places::kTold, Scalar::Index);
  const Scope scope = f.placed ? Scope::Team : Scope::Member;
  return shared_.write(scope, f.name, kinds, [&](std::span<const Code> x) {
    take_scalars(f, x);
    x = x.subspan(f.scalars.size());
    for (std::size_t i = 0; i < passed.size(); ++i) places_.argument(passed[i], x[i]);
    x = take_frames(f, x.subspan(passed.size()));
    if (f.placed) places_.go_to_told(x);
    for (const Node& n : f.body) {
      if (const Scalars* s = std::get_if<Scalars>(&n.what)) {
        node(*s);
      } else {
        kernels(std::get<Tiles>(n.what), n.kernel);
      }
    }
  });
}

// Its parameters: where its answer goes, scalars. The answer: whether it stopped the program, and
// its results, 8 bytes each.
int Walker::team_function(const Function& f) {
  std::vector<Scalar> kinds{Scalar::Pointer};
  for (const Dtype d : f.scalar_dtypes) kinds.push_back(scalar_kind(d));
  kinds.insert(kinds.end(), f.frames.size(), Scalar::Pointer);
  const int made = shared_.write(Scope::Team, f.name, kinds, [&](std::span<const Code> x) {
    reports_.answer = x[0];
    take_scalars(f, x.subspan(1));
    take_frames(f, x.subspan(1 + f.scalars.size()));
    walk(f.body);
    for (std::size_t i = 0; i < f.results.size(); ++i) {
      const Dtype dtype = w_.plan.scalars[std::size_t(f.results[i])];
      w_.e.store(*reports_.answer, answer_place(i, dtype), dtype, w_.scalar(f.results[i]));
    }
  });
  reports_.answer.reset();
  return made;
}

Code Walker::answer_place(std::size_t result, Dtype dtype) {
  return w_.index(8 * std::int64_t(result + 1) / size_of(dtype));
}

// Every member calls; where the function stopped the program, this one stops too.
void Walker::node(const Call& n) {
  const Function& f = w_.plan.functions[std::size_t(n.function)];
  const Code answer = w_.e.local(std::int64_t(8 * (1 + f.results.size())));
  const Code none = w_.e.constant(Scalar::I64, 0);
  w_.e.store(answer, w_.zero, Dtype::I64, none);
  std::vector<Code> arguments{answer};
  for (const int id : n.arguments) arguments.push_back(w_.scalar(id));
  for (const int frame : f.frames) arguments.push_back(places_.tape_frame(frame));
  w_.e.call(functions_[std::size_t(n.function)], arguments);
  reports_.leave_if(w_.e.compare(Compare::Ne, w_.e.load(answer, w_.zero, Dtype::I64), none));
  for (std::size_t i = 0; i < n.results.size(); ++i) {
    const Dtype dtype = w_.plan.scalars[std::size_t(n.results[i])];
    const Code result = w_.e.load(answer, answer_place(i, dtype), dtype);
    w_.scalar(n.results[i]) = elements_.in_register(result, dtype);
  }
}

void Walker::walk(const Nodes& nodes) {
  for (const Node& n : nodes) {
    const auto handed = w_.schedule.handed_over.find(n.number);
    if (handed != w_.schedule.handed_over.end()) sums_.hand_over(handed->second);
    if (w_.schedule.meetings.contains(n.number)) w_.e.barrier(Scope::Team);
    if (w_.schedule.member_meetings.contains(n.number)) w_.e.barrier(Scope::Member);
    w_.e.at(nullptr);
    std::visit(
        [&](const auto& what) {
          using T = std::decay_t<decltype(what)>;
          if constexpr (std::is_same_v<T, Tiles>) {
            tiles(what, n.kernel);
          } else if constexpr (std::is_same_v<T, DenseKernel>) {
            dense(what, n.kernel);
          } else if constexpr (std::is_same_v<T, ClearSlots> || std::is_same_v<T, FoldSlots>) {
            w_.how = &loops(n.kernel);
            sums(what);
            w_.how = nullptr;
          } else {
            node(what);
          }
        },
        n.what);
  }
}

void Walker::node(const Scalars& n) {
  for (std::size_t i = 0; i < n.computes.size(); ++i) {
    const Compute& c = n.computes[i];
    Code& to = w_.scalar(n.results[i]);
    w_.e.at(c.op);
    if (c.op->primitive == &constant_p) {
      to = elements_.constant(*c.op);
    } else if (c.op->primitive == &dim_p) {
      to = w_.e.convert(places_.evaluate(c.op->attrs.get<Shape>("size")[0]), Scalar::I64);
    } else {
      to = elements_.compute(c, elements_.ready_all(c), {}, {});
    }
  }
}

void Walker::node(const AnySample& n) {
  const Places::Tile here = places_.tile();
  const auto holds = [&](const Team::Tile& tile) {
    places_.go_to(tile);
    return w_.e.bit_and(places_.tile().valid, elements_.read_at(elements_.ready(n.of), {}));
  };
  w_.scalar(n.scalar) = w_.team.any(here.chunk, places_.symbol(kBlocksSymbol), holds);
  places_.go_back(here);
}

void Walker::node(const LoadScalar& n) {
  w_.scalar(n.scalar) = elements_.read_at(elements_.ready(n.from), {});
}

void Walker::node(const StoreScalar& n) {
  const auto write = [&] { elements_.write_at(elements_.ready(n.to), {}, w_.scalar(n.scalar)); };
  places_.is_own(n.to) ? write() : w_.e.once(write);
}

void Walker::node(const Phase& n) {
  w_.team.chunks(places_.symbol(kChunksSymbol), [&](Code chunk) {
    places_.go_to_chunk(chunk);
    walk(n.body);
  });
}

void Walker::tiles(const Tiles& n, int kernel) {
  w_.team.tiles(places_.tile().chunk, places_.symbol(kBlocksSymbol), [&](const Team::Tile& tile) {
    places_.go_to(tile);
    kernels(n, kernel);
  });
}

const Loops& Walker::loops(int kernel) const { return w_.schedule.loops.at(std::size_t(kernel)); }

void Walker::kernels(const Tiles& n, int kernel) {
  const std::size_t count = n.kernels.size();
  const auto number = [&](std::size_t i) { return kernel + int(i); };
  for (std::size_t first = 0, end = 1; first < count; first = end++) {
    if (w_.schedule.lane_meetings.contains(number(first))) w_.e.barrier(Scope::Member);
    std::vector<const Kernel*> run{&n.kernels[first]};
    for (; end < count && loops(number(end)).joined; ++end) run.push_back(&n.kernels[end]);
    w_.how = &loops(number(first));
    w_.e.at(op_of(*run[0]));
    std::visit(
        [&](const auto& one) {
          using T = std::decay_t<decltype(one)>;
          if constexpr (std::is_same_v<T, SlotSum> || std::is_same_v<T, SlotContract>) {
            in_order([&] {
              for (std::size_t i = 0; i < run.size(); ++i) {
                w_.how = &loops(number(first + i));
                w_.e.at(op_of(*run[i]));
                sums_.write(*run[i]);
              }
            });
          } else if constexpr (std::is_same_v<T, Map> || std::is_same_v<T, MatVec> ||
                               std::is_same_v<T, FoldElements> || std::is_same_v<T, Invoke>) {
            tile_.write(run);
          } else {
            moves_.write(one);
          }
        },
        *run[0]);
  }
}

// Sums take a chunk's blocks one after the other.
void Walker::in_order(const std::function<void()>& sum) {
  const Places::Tile here = places_.tile();
  const bool moved = w_.team.tiles_in_order(here.chunk, [&](const Team::Tile& tile) {
    places_.go_to(tile);
    sum();
  });
  moved ? places_.go_back(here) : sum();
}

void Walker::dense(const DenseKernel& n, int kernel) {
  w_.how = &loops(kernel);
  w_.e.at(op_of(n));
  const auto write = [&] {
    std::visit(
        [&](const auto& one) {
          if constexpr (std::is_same_v<std::decay_t<decltype(one)>, LargeContract>) {
            contracts_.write(one);
          } else {
            dense_.write(one);
          }
        },
        n);
  };
  w_.how->who == Who::First ? w_.e.once(write) : write();
  w_.how = nullptr;
}

void Walker::node(const While& n) {
  Emitter::Values init;
  for (const Carry& c : n.carries) init.push_back(w_.scalar(c.init));
  const auto enter = [&](const Emitter::Values& state) {
    for (std::size_t i = 0; i < state.size(); ++i) w_.scalar(n.carries[i].scalar) = state[i];
  };
  const Emitter::Values end = w_.e.while_loop(
      init,
      [&](const Emitter::Values& state) {
        enter(state);
        walk(n.test);
        return w_.scalar(n.test_scalar);
      },
      [&](const Emitter::Values& state) {
        enter(state);
        walk(n.body);
        Emitter::Values next;
        for (const Carry& c : n.carries) next.push_back(w_.scalar(c.next));
        return next;
      });
  enter(end);
}

void Walker::node(const If& n) {
  const auto take = [&](const Nodes& body, bool then) {
    walk(body);
    Emitter::Values out;
    for (const Merge& m : n.merges) out.push_back(w_.scalar(then ? m.when_true : m.when_false));
    return out;
  };
  const Emitter::Values merged = w_.e.branch(
      w_.scalar(n.predicate), [&] { return take(n.then_body, true); },
      [&] { return take(n.else_body, false); });
  for (std::size_t i = 0; i < merged.size(); ++i) w_.scalar(n.merges[i].scalar) = merged[i];
}

void Walker::node(const TapeFrame& n) {
  const Code number = w_.e.convert(w_.scalar(n.index), Scalar::Index);
  const Code tape =
      n.number < 0 ? w_.index(n.tape) : w_.e.convert(w_.scalar(n.number), Scalar::Index);
  const Code frame = w_.e.tape_frame(tape, number, n.writes);
  // The runtime knows whether it was the limit.
  const auto status = double(Status::TapeLimit);
  reports_.stop_if(w_.e.is_null(frame), w_.e.constant(Scalar::I64, status), n.progress);
  places_.tape_frame(n.frame, frame);
  const auto place = [&](const TapeFrame::Part& p) {
    return w_.index(p.offset / size_of(p.dtype));
  };
  for (const TapeFrame::Part& p : n.loads) {
    const Code loaded = w_.e.load(frame, place(p), p.dtype);
    w_.scalar(p.scalar) = elements_.in_register(loaded, p.dtype);
  }
  if (!n.writes) return;
  w_.e.once([&] {
    for (const TapeFrame::Part& p : n.stores) {
      w_.e.store(frame, place(p), p.dtype, w_.scalar(p.scalar));
    }
  });
}

}  // namespace nodec::codegen
