// Removal of what liveness.h did not reach: ops, and parts of ops with regions.
#include "compiler/passes/eliminate_dead.h"

#include <algorithm>

#include "compiler/passes/liveness.h"
#include "ir/graph.h"

namespace nodec {
namespace {

using Doomed = std::vector<bool>;

bool any(const Doomed& doomed) {
  return std::find(doomed.begin(), doomed.end(), true) != doomed.end();
}

template <class T>
void erase_doomed(std::vector<T>& items, const Doomed& doomed, std::size_t offset = 0) {
  std::size_t i = 0;
  std::erase_if(items, [&](const T&) {
    const std::size_t at = i++;
    return at >= offset && at - offset < doomed.size() && doomed[at - offset];
  });
}

void erase_values(std::vector<std::unique_ptr<Value>>& values, const Doomed& doomed,
                  std::size_t offset = 0) {
  erase_doomed(values, doomed, offset);
  for (std::size_t i = 0; i < values.size(); ++i) values[i]->index = int(i);
}

void lower_count(Op& op, std::string_view attr, const Doomed& doomed) {
  const auto removed = std::count(doomed.begin(), doomed.end(), true);
  if (removed > 0) op.attrs.set(attr, op.attrs.get<std::int64_t>(attr) - removed);
}

class Removal {
 public:
  explicit Removal(const Liveness& live) : live_(live) {}

  bool sweep(Region& region) {
    for (const auto& op : region.ops) {
      if (live_.lives(*op)) shrink(*op);
    }
    changed_ |= std::erase_if(region.ops, [&](const auto& op) { return !live_.lives(*op); }) > 0;
    return changed_;
  }

 private:
  void shrink(Op& op) {
    switch (kind_of(op)) {
      case OpKind::Call:
        shrink_parallel(op, 0);
        break;
      case OpKind::Cond:
        shrink_parallel(op, 1);
        break;
      case OpKind::While:
        shrink_while(op);
        break;
      case OpKind::Solve:
        shrink_solve(op);
        break;
      case OpKind::Plain:
      case OpKind::Opaque:
        break;
    }
    for (const auto& nested : op.regions) sweep(*nested);
  }

  // Arguments dead in every region.
  Doomed dead_arguments(const Op& op) const {
    Doomed dead(op.region().args.size(), true);
    for (const auto& region : op.regions) {
      for (std::size_t i = 0; i < dead.size(); ++i)
        dead[i] = dead[i] && !live_.lives(region->arg(i));
    }
    return dead;
  }

  Doomed dead_results(const Op& op) const {
    Doomed dead;
    for (const auto& result : op.results) dead.push_back(!live_.lives(result.get()));
    return dead;
  }

  // Takes away arguments with their operands, `first` being the operand of argument 0.
  void drop_arguments(Op& op, const Doomed& dead, std::size_t first) {
    if (!any(dead)) return;
    changed_ = true;
    erase_doomed(op.operands, dead, first);
    for (const auto& region : op.regions) erase_values(region->args, dead);
  }

  void drop_results(Op& op, Region& region, const Doomed& dead) {
    if (!any(dead)) return;
    changed_ = true;
    erase_doomed(region.results, dead);
    erase_values(op.results, dead);
  }

  void shrink_parallel(Op& op, std::size_t first_operand) {
    const Doomed results = dead_results(op);
    for (std::size_t r = 1; r < op.regions.size(); ++r) erase_doomed(op.region(r).results, results);
    drop_results(op, op.region(), results);
    drop_arguments(op, dead_arguments(op), first_operand);
  }

  void shrink_while(Op& op) {
    Doomed carries = dead_results(op);
    const Doomed arguments = dead_arguments(op);
    // A carry that only the loop itself looks at keeps its result.
    for (std::size_t i = 0; i < carries.size(); ++i) carries[i] = carries[i] && arguments[i];
    Doomed doomed = carries;
    doomed.insert(doomed.end(), arguments.begin() + std::ptrdiff_t(carries.size()),
                  arguments.end());
    drop_results(op, op.region(1), carries);
    lower_count(op, "carried", carries);
    drop_arguments(op, doomed, 0);
  }

  void shrink_solve(Op& op) {
    const SolveParts parts(op);
    Doomed results(op.region().results.size(), false), arguments(op.region().args.size(), false);
    Doomed integrals(parts.quadratures()), cells(parts.cells());
    for (std::size_t i = 0; i < parts.quadratures(); ++i) {
      integrals[i] = !parts.bounds_integrals() && !live_.lives(op.result(parts.states() + i));
      results[parts.states() + i] = integrals[i];
    }
    for (std::size_t i = 0; i < parts.cells(); ++i) {
      const std::size_t result = parts.first_cell_result() + i, arg = parts.first_cell_arg() + i;
      cells[i] = !live_.lives(op.region().arg(arg)) && !live_.lives(op.result(result));
      results[result] = arguments[arg] = cells[i];
    }
    for (std::size_t i = parts.first_capture_arg(); i < arguments.size(); ++i) {
      arguments[i] = !live_.lives(op.region().arg(i));
    }
    if (parts.has_tape() && !live_.lives(op.results.back().get())) drop_tape(op, parts, results);
    drop_results(op, op.region(), results);
    drop_arguments(op, arguments, parts.operand_of(0));
    lower_count(op, "quadratures", integrals);
    if (any(cells)) count_without(op, cells);
  }

  void drop_tape(Op& op, const SolveParts& parts, Doomed& results) {
    changed_ = true;
    for (std::size_t i = parts.first_residual(); i < results.size(); ++i) results[i] = true;
    op.region().results.resize(parts.first_residual());
    results.resize(parts.first_residual());
    op.results.pop_back();
    op.attrs.set("tape", std::string());
    op.attrs.set("residuals", std::int64_t{0});
  }

  const Liveness& live_;
  bool changed_ = false;
};

}  // namespace

bool eliminate_dead(Graph& graph) {
  const Liveness live(graph);
  return Removal(live).sweep(graph.body);
}

}  // namespace nodec
