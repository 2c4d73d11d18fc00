// Writes a plan down through an Emitter, walked as its schedule says and shared out as its team
// does: nodes become loops, addresses and calls, the same way for every back end.
//
//   Walker walker(emitter, team, plan, schedule);
//   walker.functions();  // out-of-line functions first
//   walker.entry();      // then the body of the entry
//
// Here are the nodes: control, tapes, what a run reports. What a kernel becomes stands in parts of
// their own, which know of each other what their constructors take.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "compiler/codegen/batch_sums.h"
#include "compiler/codegen/dense_kernels.h"
#include "compiler/codegen/large_contract.h"
#include "compiler/codegen/tile_kernels.h"
#include "compiler/codegen/tile_moves.h"

namespace nodec::codegen {

class Walker {
 public:
  Walker(Emitter& emitter, Team& team, const plan::Plan& plan, const plan::Schedule& schedule);
  void functions();
  void entry();

 private:
  void walk(const plan::Nodes& nodes);
  void node(const plan::Scalars& n);
  void node(const plan::Phase& n);
  void node(const plan::AnySample& n);
  void node(const plan::LoadScalar& n);
  void node(const plan::StoreScalar& n);
  void node(const plan::While& n);
  void node(const plan::If& n);
  void node(const plan::TapeFrame& n);
  void node(const plan::FailIf& n);
  void node(const plan::Call& n);
  void node(const plan::Tell& n);
  void sums(const plan::ClearSlots& n) { sums_.clear(n); }
  void sums(const plan::FoldSlots& n) { sums_.fold(n); }
  const plan::Loops& loops(int kernel) const;
  void tiles(const plan::Tiles& n, int kernel);
  void dense(const plan::DenseKernel& n, int kernel);
  void kernels(const plan::Tiles& n, int kernel);  // on the tile at hand
  void in_order(const std::function<void()>& sum);

  int tile_function(const plan::Function& f);
  int team_function(const plan::Function& f);
  void take_scalars(const plan::Function& f, std::span<const Code> x);
  // Gives what comes behind them.
  std::span<const Code> take_frames(const plan::Function& f, std::span<const Code> x);
  Code answer_place(std::size_t result, Dtype dtype);  // in elements
  void leave_if(Code stops);                           // the function, and all that called it
  void stop_if(Code stops, Code status, const std::optional<plan::Progress>& progress);
  void put(std::size_t offset, Dtype dtype, Code value);  // into the outcome
  void tell_solved(const plan::Tell& n);
  void tell_not_finite(const plan::Tell& n);

  Writing w_;
  Places places_;
  Functions shared_;
  Elements elements_;
  std::vector<int> functions_;  // the plan's, as the emitter numbers them
  TileKernels tile_;
  TileMoves moves_;
  BatchSums sums_;
  DenseKernels dense_;
  LargeContracts contracts_;
  std::optional<Code> answer_;  // where the team's function being written puts its answer
};

}  // namespace nodec::codegen
