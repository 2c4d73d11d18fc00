// Kernels on tensors without a batch: output elements are split over the team, never a sum. Each
// output of a fold is one chain in increasing index; several outputs are walked at once, in lanes
// and beside each other, so that one chain's latency hides behind the others.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "compiler/codegen/dense_nest.h"
#include "compiler/codegen/functions.h"

namespace nodec::codegen {

class DenseKernels {
 public:
  DenseKernels(Writing& writing, Places& places, Elements& elements, Functions& functions)
      : w_(writing), places_(places), elements_(elements), functions_(functions) {}

  void write(const plan::DenseMap& k);
  void write(const plan::DenseGather& k);
  void write(const plan::DenseFold& k);
  void write(const plan::DenseMatmul& k);
  void write(const plan::DenseScatter& k);

 private:
  DenseNest nest(std::vector<Dim> extents) { return {w_, places_, elements_, std::move(extents)}; }
  // What computations make at one spot, `inner` being indices of axes that the nest has not.
  std::vector<Code> made_at(const std::vector<plan::Compute>& computes,
                            const std::vector<std::vector<Operand>>& operands, DenseNest& nest,
                            const Spot& spot, const Indices& inner = {});
  Code row_start(Code row, Code last, std::int64_t stride);
  // Folds as states of all spots, one after another; `start` and `step` are of one spot.
  using Start = std::function<Emitter::Values(const Spot&)>;
  using Step = std::function<Emitter::Values(Emitter::Values, const Spot&, const Indices&)>;
  void fold(DenseNest& nest, const std::vector<Dim>& inner, const Operand& out, const Start& start,
            const Step& step);
  void vector_product(const plan::DenseMatmul& k, const std::vector<Operand>& x);

  void each_of(const std::vector<Code>& extents, const std::function<void(const Indices&)>& body);
  void each_sample(const std::function<void(Code block, Code lane)>& body);
  // What rows are added to, and how many there are.
  struct Added {
    Operand out;
    std::vector<Code> picks, row;
    Code last;   // row of the table
    Share mine;  // of its rows
  };
  // One sample's index and update.
  void add_rows(const Added& to, const plan::ScatterTerm& term,
                const std::pair<Operand, Operand>& sample);

  Writing& w_;
  Places& places_;
  Elements& elements_;
  Functions& functions_;
};

}  // namespace nodec::codegen
