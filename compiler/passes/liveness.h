// Which values of a graph anything needs: a fixed point grown from the graph's results and from ops
// with effects. Going through an op with regions, it follows each part to what that part alone
// needs, so that one live carry of a loop does not keep the others.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "kernels/solve/view.h"

namespace nodec {

// How liveness looks into an op. An opaque op's parts all live when it does.
enum class OpKind : std::uint8_t { Plain, Call, Cond, While, Solve, Opaque };
OpKind kind_of(const Op& op);

// Where the parts of a solve stand in its lists.
class SolveParts : public SolveView {
 public:
  using SolveView::SolveView;
  std::size_t first_cell_result() const { return states() + quadratures(); }
  std::size_t first_residual() const { return first_cell_result() + cells(); }
  std::size_t first_cell_arg() const { return 1 + states(); }
  std::size_t first_capture_arg() const { return first_cell_arg() + cells(); }
  bool has_tape() const { return !tape().empty(); }
};

class Liveness {
 public:
  explicit Liveness(const Graph& graph);

  bool lives(const Value* value) const { return values_.contains(value); }
  bool lives(const Op& op) const { return ops_.contains(&op); }

 private:
  void need(const Value* value);
  void need_all(const std::vector<Value*>& values);
  bool need_effects(const Region& region);
  void need_op(const Op& op);
  void need_solve(const Op& op);
  void need_result(const Op& op, std::size_t i);
  void need_carry(const Op& op, std::size_t i);
  void need_cell(const Op& op, const SolveParts& parts, std::size_t cell);
  void need_solve_result(const Op& op, std::size_t i);
  void need_argument(const Op& op, std::size_t i);
  void need_solve_argument(const Op& op, std::size_t i);

  std::unordered_set<const Value*> values_;
  std::unordered_set<const Op*> ops_;
  std::vector<const Value*> pending_;
};

}  // namespace nodec
