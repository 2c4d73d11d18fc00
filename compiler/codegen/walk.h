// Writes a plan down through an Emitter, walked as its schedule says and shared out as its team
// does: nodes become loops, addresses and calls, the same way for every back end.
//
//   Walker walker(emitter, team, plan, schedule);
//   walker.functions();  // out-of-line functions first
//   walker.entry();      // then the body of the entry
//
// Here are the nodes: control and tapes. What a kernel becomes stands in parts of
// their own, which know of each other what their constructors take.
#pragma once

#include <functional>
#include <vector>

#include "compiler/codegen/batch_sums.h"
#include "compiler/codegen/dense_kernels.h"
#include "compiler/codegen/large_contract.h"
#include "compiler/codegen/reports.h"
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
  void node(const plan::FailIf& n) { reports_.fail_if(n); }
  void node(const plan::Call& n);
  void node(const plan::Tell& n) { reports_.tell(n); }
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

  Writing w_;
  Places places_;
  Reports reports_;
  Functions shared_;
  Elements elements_;
  std::vector<int> functions_;  // the plan's, as the emitter numbers them
  TileKernels tile_;
  TileMoves moves_;
  BatchSums sums_;
  DenseKernels dense_;
  LargeContracts contracts_;
};

}  // namespace nodec::codegen
