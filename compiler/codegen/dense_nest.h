// Loops over the axes of a tensor without a batch, as the schedule says: an axis as lanes, several
// turns (or vectors) written out together, a share for each member. Whole tiles come first; what
// is left of an axis is one shorter tile where its size is known and turn by turn where not, and
// of lanes a last vector that is masked.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "compiler/codegen/elements.h"

namespace nodec::codegen {

// One element, or a vector of neighbours along the axis that is lanes.
struct Spot {
  Indices at;  // the first one's
  Code left;   // when masked: how many lanes count
  bool masked = false;
};
using Spots = std::vector<Spot>;  // written out together

class DenseNest {
 public:
  DenseNest(Writing& writing, Places& places, Elements& elements, std::vector<Dim> extents);

  void each(const std::function<void(const Spots&)>& body);

  bool has_lanes() const { return lanes_ >= 0; }
  // x at a spot, `inner` being indices of axes that the nest has not, `from` elements further on,
  // each lane its own where that varies. Uniform where neighbours are one element.
  Code load(const Operand& x, const Spot& spot, const Indices& inner = {},
            std::optional<Code> from = {});
  void store(const Operand& to, const Spot& spot, Code value);
  // The sum of the indices, each times its stride: an Index, or a varying I64.
  Code index(const std::vector<std::int64_t>& strides, const Spot& spot, const Indices& inner = {});

 private:
  void one_by_one();
  void axis(std::size_t i, const Spots& outer);
  // Tiles of axis i from `begin` to `end`, `step` elements from one to the next.
  struct Run {
    Code begin, end, step;
    std::int64_t units = 1;
    bool masked = false;  // the last unit
    bool one = false;     // tile
  };
  void run(std::size_t i, const Spots& outer, const Run& tiles);
  void tile(std::size_t i, const Spots& outer, const Run& tiles, Code begin);
  const plan::Axis& how(std::size_t i) const { return w_.axis(i); }
  bool is_lanes(std::size_t i) const { return lanes_ == int(i); }
  std::int64_t lane_stride(const Operand& x) const;
  Code lane_number();  // varying I64
  Code gather(const Operand& x, const Spot& spot, Code begin);
  Code before(Code a, Code b) { return w_.e.compare(Compare::Lt, a, b); }

  Writing& w_;
  Elements& elements_;
  const std::vector<Dim> extents_;
  std::vector<Code> sizes_;
  int lanes_ = -1;  // which axis
  int team_ = -1;
  std::function<void(const Spots&)> body_;
};

}  // namespace nodec::codegen
