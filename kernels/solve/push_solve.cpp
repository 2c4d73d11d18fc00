// The larger solve, group by group: each has its tangents behind it.
#include "kernels/solve/push_solve.h"

#include "kernels/build.h"
#include "kernels/rules.h"
#include "kernels/solve/request.h"
#include "kernels/solve/step.h"

namespace nodec {
namespace {

using MaybeTypes = std::vector<std::optional<Type>>;

void append(Values& to, const Values& more) { to.insert(to.end(), more.begin(), more.end()); }

class PushedSolve {
 public:
  PushedSolve(ForwardDifferentiator& ad, Builder& b, const Op& op, std::span<Value* const> operands,
              std::span<Value* const> tangents)
      : ad_(ad), b_(b), solve_(op), operands_(operands), tangents_(tangents) {
    const Region& f = op.region();
    for (const auto& arg : f.args) types_.push_back(ad.tangent_type(*arg));
  }

  Pushed emit() {
    const Op& y = b_.op(solve_p, all_operands(), attributes(), dynamics());
    Pushed out;
    out.tangents.assign(solve_.op().results.size(), nullptr);
    std::size_t next = 0;
    const auto take = [&](std::size_t argument, std::size_t count) {
      const std::size_t first = out.results.size();
      for (std::size_t i = 0; i < count; ++i) out.results.push_back(y.result(next++));
      for (std::size_t i = 0; i < count; ++i) {
        if (types_[argument + i]) out.tangents[first + i] = y.result(next++);
      }
    };
    take(1, solve_.states());
    take(1 + solve_.states(), solve_.cells());
    while (next < y.results.size()) out.results.push_back(y.result(next++));
    if (tangents_[1] != nullptr) move_end(out);
    return out;
  }

 private:
  // The tangents from operand `first` on, where the dynamics' arguments from `argument` on have
  // one.
  Values moved(std::size_t first, std::size_t argument, std::size_t count) {
    Values all;
    for (std::size_t i = 0; i < count; ++i) {
      if (!types_[argument + i]) continue;
      Value* dx = tangents_[first + i];
      all.push_back(dx != nullptr ? dx : zeros(b_, *types_[argument + i]));
    }
    return all;
  }

  Values all_operands() {
    const auto part = [&](std::size_t first, std::size_t count) {
      const auto begin = operands_.begin() + std::ptrdiff_t(first);
      return Values(begin, begin + std::ptrdiff_t(count));
    };
    const std::size_t states = solve_.states(), cells = solve_.cells();
    Values all = part(0, solve_.first_state());
    append(all, part(solve_.first_state(), states));
    append(all, start(moved(solve_.first_state(), 1, states)));
    append(all, part(solve_.first_cell(), cells));
    append(all, moved(solve_.first_cell(), 1 + states, cells));
    append(all, part(solve_.first_capture(), solve_.capture_count()));
    append(all, moved(solve_.first_capture(), 1 + states + cells, solve_.capture_count()));
    return all;
  }

  // As t0 moves, so does what the states are there.
  Values start(Values moved) {
    if (tangents_[0] == nullptr) return moved;
    const Values slopes = slopes_at(operands_[0], states_of(operands_, solve_.first_state()));
    for (std::size_t i = 0, next = 0; i < solve_.states(); ++i) {
      if (!types_[1 + i]) continue;
      moved[next] = sub(b_, moved[next], scaled(b_, tangents_[0], slopes[i]));
      ++next;
    }
    return moved;
  }

  void move_end(Pushed& out) {
    const Values slopes = slopes_at(operands_[1], states_of(out.results, 0));
    for (std::size_t i = 0; i < solve_.states(); ++i) {
      Value* rate = scaled(b_, tangents_[1], slopes[i]);
      Value*& du = out.tangents[i];
      du = du != nullptr ? add(b_, du, rate) : rate;
    }
    out.tangents[solve_.states() + solve_.cells() + 1] = tangents_[1];
  }

  template <class Many>
  Values states_of(const Many& values, std::size_t first) const {
    const auto begin = values.begin() + std::ptrdiff_t(first);
    return Values(begin, begin + std::ptrdiff_t(solve_.states()));
  }

  Values slopes_at(Value* t, const Values& states) {
    const std::size_t first = solve_.first_cell();
    Values args{t};
    append(args, states);
    append(args, Values(operands_.begin() + std::ptrdiff_t(first), operands_.end()));
    return b_.inline_region(solve_.dynamics(), args);
  }

  Attrs attributes() const {
    Attrs attrs = solve_.op().attrs;
    std::int64_t states = 0, cells = std::int64_t(solve_.cells());
    auto per_step = solve_.per_step();
    for (std::size_t i = 0; i < solve_.states(); ++i) states += types_[1 + i] ? 2 : 1;
    for (std::size_t i = 0; i < solve_.cells(); ++i) {
      if (!types_[1 + solve_.states() + i]) continue;
      if (solve_.is_per_step(i)) per_step.push_back(cells);
      ++cells;
    }
    if (attrs.has("per_step")) attrs.set("per_step", per_step);
    return attrs.set("states", states).set("cells", cells);
  }

  std::vector<std::unique_ptr<Region>> dynamics() {
    const Region& f = solve_.dynamics();
    auto region = std::make_unique<Region>();
    Values args{region->add_arg(f.arg(0)->type, f.arg(0)->name)}, moved{nullptr};
    const auto add_group = [&](std::size_t first, std::size_t count) {
      for (std::size_t i = first; i < first + count; ++i) {
        args.push_back(region->add_arg(f.arg(i)->type, f.arg(i)->name));
      }
      for (std::size_t i = first; i < first + count; ++i) {
        moved.push_back(types_[i] ? region->add_arg(*types_[i], "d" + f.arg(i)->name) : nullptr);
      }
    };
    const std::size_t states = solve_.states(), cells = solve_.cells();
    add_group(1, states), add_group(1 + states, cells);
    add_group(1 + states + cells, solve_.capture_count());
    Builder in(*region);
    in.at(b_.where());
    if (types_[0]) moved[0] = zeros(in, *types_[0]);  // the same instant
    const Pushed out = ad_.push(in, f, args, moved);
    const auto yield = [&](std::size_t first, std::size_t count) {
      for (std::size_t i = first; i < first + count; ++i) {
        region->results.push_back(out.results[i]);
      }
      for (std::size_t i = first; i < first + count; ++i) {
        const auto& type = types_[1 + i];
        if (type) region->results.push_back(out.tangents[i] ? out.tangents[i] : zeros(in, *type));
      }
    };
    yield(0, states), yield(states, cells);
    std::vector<std::unique_ptr<Region>> regions;
    regions.push_back(std::move(region));
    return regions;
  }

  ForwardDifferentiator& ad_;
  Builder& b_;
  const SolveView solve_;
  const std::span<Value*const> operands_, tangents_;
  MaybeTypes types_;  // of the tangents of the dynamics' arguments
};

}  // namespace

bool has_tangents_in_norm(const Op& solve) {
  const SolveView view(solve);
  // What belongs to a gradient has its tape, which only its own loop writes.
  return attribute_or<std::string>(solve, "tangent", "steps") == "norm" && view.tape().empty() &&
         !view.goes_along();
}

Values with_moving_ends(Builder& b, const Op& solve, Values results) {
  const SolveView view(solve);
  Values args = view.initial_states();
  args.insert(args.begin(), view.t0());
  append(args, view.initial_cells());
  append(args, view.captures());
  const Values slopes = b.inline_region(view.dynamics(), args);
  Value *still = eq(b, view.t0(), view.t1()), *span = sub(b, view.t1(), view.t0());
  for (std::size_t i = 0; i < view.states(); ++i) {
    Value* moved = add(b, view.initial_states()[i], scaled(b, span, slopes[i]));
    results[i] = choose(b, still, moved, results[i]);
  }
  return results;
}

Pushed push_solve(ForwardDifferentiator& ad, Builder& b, const Op& op,
                  std::span<Value* const> operands, std::span<Value* const> tangents) {
  if (SolveView(op).has_stops()) {
    refuse(SolveView(op), "tangents cannot be in the error norm of a solve with stops",
           "leave the option tangent as it is, \"steps\"");
  }
  return PushedSolve(ad, b, op, operands, tangents).emit();
}

}  // namespace nodec
