// Liveness over the graph, then removal. Each op with regions says two things: what must live when
// one of its parts does, and which of its parts can be taken away.
#include "compiler/passes/eliminate_dead.h"

#include <algorithm>
#include <functional>
#include <unordered_set>
#include <vector>

#include "ir/rewrite.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

enum class Kind : std::uint8_t { Plain, Call, Cond, While, Solve, Opaque };

Kind kind_of(const Op& op) {
  if (op.regions.empty()) return Kind::Plain;
  const std::string_view name = op.name();
  if (name == "call") return Kind::Call;
  if (name == "cond") return Kind::Cond;
  if (name == "while") return Kind::While;
  if (name == "solve" && op.regions.size() == 1) return Kind::Solve;
  return Kind::Opaque;
}

// Where the parts of a solve stand (the signature: kernels/flow.cpp).
struct SolveParts {
  explicit SolveParts(const Op& op)
      : states(count(op, "states")),
        integrals(count(op, "quadratures")),
        cells(count(op, "cells")),
        residuals(count(op, "residuals")),
        has_tape(!op.attrs.get_or<std::string>("tape", "").empty()) {}

  static std::size_t count(const Op& op, std::string_view attr) {
    return std::size_t(op.attrs.get_or<std::int64_t>(attr, 0));
  }
  std::size_t first_cell_result() const { return states + integrals; }
  std::size_t first_residual() const { return states + integrals + cells; }
  std::size_t first_cell_arg() const { return 1 + states; }
  std::size_t first_capture_arg() const { return 1 + states + cells; }
  static constexpr std::size_t operand_of_arg = 5;  // argument i > 0 is operand i + 5

  std::size_t states, integrals, cells, residuals;
  bool has_tape;
};

class Liveness {
 public:
  explicit Liveness(const Graph& graph) {
    for (const Value* result : graph.body.results) need(result);
    need_effects(graph.body);
    while (!pending_.empty()) {
      const Value* value = pending_.back();
      pending_.pop_back();
      if (value->op != nullptr) {
        need_result(*value->op, std::size_t(value->index));
      } else if (value->region->parent != nullptr) {
        need_argument(*value->region->parent, std::size_t(value->index));
      }
    }
  }

  bool lives(const Value* value) const { return values_.contains(value); }
  bool lives(const Op& op) const { return ops_.contains(&op); }

 private:
  void need(const Value* value) {
    if (values_.insert(value).second) pending_.push_back(value);
  }
  void need_all(const std::vector<Value*>& values) {
    for (const Value* value : values) need(value);
  }

  // An op with an effect is needed for itself, and so is every op around it.
  bool need_effects(const Region& region) {
    bool any = false;
    for (const auto& op : region.ops) {
      bool effect = op->results.empty() || op->primitive->form == Form::Effect;
      for (const auto& nested : op->regions) effect |= need_effects(*nested);
      if (effect) need_op(*op);
      any |= effect;
    }
    return any;
  }

  // What is needed whichever of the results is.
  void need_op(const Op& op) {
    if (!ops_.insert(&op).second) return;
    switch (kind_of(op)) {
      case Kind::Plain:
        return need_all(op.operands);
      case Kind::Call:
        return;
      case Kind::Cond:
        return need(op.operands[0]);
      case Kind::While:
        return need_all(op.region(0).results);
      case Kind::Solve:
        return need_solve(op);
      case Kind::Opaque:
        break;
    }
    need_all(op.operands);
    for (const auto& region : op.regions) {
      need_all(region->results);
      for (const auto& arg : region->args) need(arg.get());
    }
  }

  void need_solve(const Op& op) {
    const SolveParts parts(op);
    for (std::size_t i = 0; i < 6 + parts.states; ++i) need(op.operands[i]);
    for (std::size_t i = 0; i < parts.states; ++i) need(op.region().results[i]);
    for (std::size_t i = 0; i < 1 + parts.states; ++i) need(op.region().arg(i));
  }

  void need_result(const Op& op, std::size_t i) {
    need_op(op);
    switch (kind_of(op)) {
      case Kind::Call:
        return need(op.region().results[i]);
      case Kind::Cond:
        return need(op.region(0).results[i]), need(op.region(1).results[i]);
      case Kind::While:
        return need_carry(op, i);
      case Kind::Solve:
        return need_solve_result(op, i);
      case Kind::Plain:
      case Kind::Opaque:
        return;
    }
  }

  void need_carry(const Op& op, std::size_t i) {
    need(op.operands[i]);
    need(op.region(1).results[i]);
  }

  void need_cell(const Op& op, const SolveParts& parts, std::size_t cell) {
    need(op.operands[parts.first_cell_arg() + cell + SolveParts::operand_of_arg]);
    need(op.region().results[parts.first_cell_result() + cell]);
  }

  void need_solve_result(const Op& op, std::size_t i) {
    const SolveParts parts(op);
    if (i < parts.first_cell_result()) return need(op.region().results[i]);
    if (i < parts.first_residual()) return need_cell(op, parts, i - parts.first_cell_result());
    if (!parts.has_tape || i + 1 < op.results.size()) return;
    for (std::size_t r = parts.first_residual(); r < op.region().results.size(); ++r) {
      need(op.region().results[r]);
    }
  }

  void need_argument(const Op& op, std::size_t i) {
    need_op(op);
    switch (kind_of(op)) {
      case Kind::Call:
        return need(op.operands[i]);
      case Kind::Cond:
        return need(op.operands[i + 1]);
      case Kind::While:
        if (i < op.region(1).results.size()) return need_carry(op, i);
        return need(op.operands[i]);
      case Kind::Solve:
        return need_solve_argument(op, i);
      case Kind::Plain:
      case Kind::Opaque:
        return;
    }
  }

  void need_solve_argument(const Op& op, std::size_t i) {
    const SolveParts parts(op);
    if (i < parts.first_cell_arg()) return;  // time and states always live
    if (i < parts.first_capture_arg()) return need_cell(op, parts, i - parts.first_cell_arg());
    need(op.operands[i + SolveParts::operand_of_arg]);
  }

  std::unordered_set<const Value*> values_;
  std::unordered_set<const Op*> ops_;
  std::vector<const Value*> pending_;
};

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
      case Kind::Call:
        shrink_parallel(op, 0);
        break;
      case Kind::Cond:
        shrink_parallel(op, 1);
        break;
      case Kind::While:
        shrink_while(op);
        break;
      case Kind::Solve:
        shrink_solve(op);
        break;
      case Kind::Plain:
      case Kind::Opaque:
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
    for (std::size_t i = 0; i < carries.size(); ++i) {
      // A carry that only the loop itself looks at keeps its result.
      carries[i] = carries[i] && arguments[i] && !live_.lives(op.region(1).results[i]);
    }
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
    Doomed integrals(parts.integrals), cells(parts.cells);
    for (std::size_t i = 0; i < parts.integrals; ++i) {
      integrals[i] = results[parts.states + i] = !live_.lives(op.result(parts.states + i));
    }
    for (std::size_t i = 0; i < parts.cells; ++i) {
      const std::size_t result = parts.first_cell_result() + i, arg = parts.first_cell_arg() + i;
      cells[i] = !live_.lives(op.region().results[result]) && !live_.lives(op.region().arg(arg)) &&
                 !live_.lives(op.result(result));
      results[result] = arguments[arg] = cells[i];
    }
    for (std::size_t i = parts.first_capture_arg(); i < arguments.size(); ++i) {
      arguments[i] = !live_.lives(op.region().arg(i));
    }
    if (parts.has_tape && !live_.lives(op.results.back().get())) drop_tape(op, parts, results);
    drop_results(op, op.region(), results);
    drop_arguments(op, arguments, SolveParts::operand_of_arg);
    lower_count(op, "quadratures", integrals);
    lower_count(op, "cells", cells);
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
