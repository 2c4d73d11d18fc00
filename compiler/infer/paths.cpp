// Paths op by op and region by region.
#include "compiler/infer/paths.h"

#include <algorithm>

#include "compiler/infer/jumps.h"
#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "kernels/rules.h"
#include "kernels/solve/view.h"

namespace nodec::paths {
namespace {

bool is_real(const Value& value) { return value.type.is_tensor() && is_float(value.type.dtype()); }

}  // namespace

bool is_step(const Op& op) {
  const bool reads = std::any_of(op.operands.begin(), op.operands.end(),
                                 [](const Value* operand) { return is_real(*operand); });
  const bool yields_no_real = op.results.size() == 1 && !is_real(*op.result());
  const bool flat = op.primitive->gradient.rule == no_cotangents;
  return reads && (yields_no_real || (flat && op.primitive != &stop_gradient_p));
}

void Path::add(const Path& other) {
  smooth.insert(other.smooth.begin(), other.smooth.end());
  solves.insert(other.solves.begin(), other.solves.end());
  add_behind(other);
}

void Path::add_behind(const Path& other) {
  for (const auto& [argument, steps] : other.behind) {
    behind[argument].insert(steps.begin(), steps.end());
  }
}

Paths::Paths(const Region& region) {
  for (const auto& arg : region.args) values_[arg.get()].smooth = {number_of(arg.get())};
  run(region);
}

int Paths::number_of(const Value* value) {
  return numbers_.try_emplace(value, int(numbers_.size())).first->second;
}

Path Paths::all(std::span<Value* const> values) {
  Path path;
  for (const Value* value : values) path.add(of(value));
  return path;
}

void Paths::run(const Region& region) {
  for (const auto& op : region.ops) run(*op);
}

void Paths::run(const Op& op) {
  if (is_branch(op)) return branches(op);
  if (is_loop(op)) return loop(op);
  if (is_integration(op)) return solve(op);
  if (!op.regions.empty()) return body(op);
  const Path path = plain(op);
  for (const auto& result : op.results) values_[result.get()] = path;
}

Path Paths::plain(const Op& op) {
  if (op.primitive == &stop_gradient_p) return {};
  if (op.primitive->gradient.rule == no_cotangents || is_step(op)) return step(op);
  Path path;
  if (op.primitive == &select_p) {
    path = all(std::span(op.operands).subspan(1));
    choose(path, of(op.operands[0]), path, *op.result());
  } else if (op.primitive == &mul_p) {
    const Path &x = of(op.operands[0]), &y = of(op.operands[1]);
    for (const Path* factor : {&x, &y}) {
      path.smooth.insert(factor->smooth.begin(), factor->smooth.end());
      path.solves.insert(factor->solves.begin(), factor->solves.end());
    }
    choose(path, x, y, *op.result());
    choose(path, y, x, *op.result());
  } else {
    path = all(op.operands);
  }
  return path;
}

Path Paths::step(const Op& op) {
  const Path from = all(op.operands);
  Path path;
  path.add_behind(from);
  if (from.smooth.empty()) return path;
  const auto [known, fresh] = known_.try_emplace(&op, int(steps_.size()));
  if (fresh) steps_.push_back({&op, op.primitive->gradient.stairs});
  for (const int argument : from.smooth) {
    path.behind[argument].insert(known->second);
    if (times_.contains(argument)) steps_[std::size_t(known->second)].of_time = true;
  }
  return path;
}

// What reaches `path` behind the choice of one of these pieces, where they do not meet.
void Paths::choose(Path& path, const Path& choice, const Path& pieces, const Value& chosen) {
  const auto meets = [&](const auto& chooser) {
    return pieces.smooth.contains(chooser.first) &&
           std::none_of(chooser.second.begin(), chooser.second.end(),
                        [&](int number) { return step(number).stairs; });
  };
  const bool may_meet = std::all_of(choice.behind.begin(), choice.behind.end(), meets);
  if (!may_meet || jumps(chosen, choice)) path.add_behind(choice);
}

bool Paths::jumps(const Value& chosen, const Path& choice) {
  std::set<const Op*> steps;
  for (const auto& [argument, numbers] : choice.behind) {
    for (const int number : numbers) steps.insert(step(number).op);
  }
  if (steps.empty()) return false;
  const auto [known, fresh] = jumps_.try_emplace({&chosen, std::move(steps)});
  if (fresh) known->second = seen_to_jump(chosen, known->first.second);
  return known->second;
}

void Paths::enter(const Op& op, std::size_t r) {
  const Flow f = flow(op, r);
  for (std::size_t i = 0; i < f.enters.size(); ++i) {
    values_[op.region(r).arg(i)] = Path(of(op.operands.at(std::size_t(f.enters[i]))));
  }
}

// A call, or a derivative: what no region yields depends on all that enters.
void Paths::body(const Op& op) {
  const Path entering = all(op.operands);
  for (const auto& result : op.results) values_[result.get()] = entering;
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    const Region& region = op.region(r);
    const Flow f = flow(op, r);
    enter(op, r);
    run(region);
    const Path yielded = all(region.results);
    for (const auto& result : op.results) values_[result.get()].add_behind(yielded);
    for (std::size_t i = 0; i < f.leaves.size(); ++i) {
      if (f.leaves[i] >= 0) values_[op.result(std::size_t(f.leaves[i]))] = of(region.results[i]);
    }
  }
}

void Paths::branches(const Op& op) {
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    enter(op, r);
    run(op.region(r));
  }
  for (std::size_t i = 0; i < op.results.size(); ++i) {
    Path path = of(op.region(0).results[i]);
    path.add(of(op.region(1).results[i]));
    choose(path, of(op.operands[0]), path, *op.result(i));
    values_[op.result(i)] = std::move(path);
  }
}

// Paths only grow from turn to turn, until one adds nothing.
void Paths::loop(const Op& op) {
  const Region& body = *op.regions.back();
  for (std::size_t r = 0; r < op.regions.size(); ++r) enter(op, r);
  for (bool grows = true; grows;) {
    grows = false;
    for (const auto& region : op.regions) run(*region);
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      Path path = of(body.arg(i));
      path.add(of(body.results[i]));
      if (op.regions.size() > 1) path.add_behind(of(op.region(0).results[0]));
      grows = grows || path != of(body.arg(i));
      for (const auto& region : op.regions) values_[region->arg(i)] = path;
      values_[op.result(i)] = std::move(path);
    }
  }
}

// Time and states move by themselves: what they are made of is theirs alone.
void Paths::solve(const Op& op) {
  const SolveView view(op);
  const Region& f = op.region();
  const std::size_t own = 1 + view.states(), summed = view.states() + view.quadratures();
  enter(op, 0);
  for (std::size_t i = 0; i < own; ++i) values_[f.arg(i)] = Path{{number_of(f.arg(i))}, {}, {}};
  times_.insert(number_of(f.arg(0)));
  run(f);
  for (std::size_t i = 0; i < view.cells(); ++i) {  // a run finds what another one left
    values_[f.arg(own + i)].add(of(f.results.at(summed + i)));
  }
  if (view.cells() > 0) run(f);
  Dynamics dynamics{&op, all(std::span(f.results).first(summed))};
  if (view.stops() != nullptr) dynamics.stops = of(view.stops());
  Path path = all(op.operands);
  path.behind = all(view.initial_states()).behind;
  path.add(dynamics.path);
  const auto [known, fresh] = known_.try_emplace(&op, int(solves_.size()));
  path.solves.insert(known->second);
  if (fresh) {
    solves_.push_back(std::move(dynamics));
  } else {
    solves_[std::size_t(known->second)].path.add(dynamics.path);
    solves_[std::size_t(known->second)].stops.add(dynamics.stops);
  }
  for (const auto& result : op.results) values_[result.get()] = path;
}

}  // namespace nodec::paths
