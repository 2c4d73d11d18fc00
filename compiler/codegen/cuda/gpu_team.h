// A team of a GPU: a member is 32 threads for each part. Thread t is slot t mod 16 of block
// t/16 mod 2 of its member's chunk, and part t/32: so a warp is a chunk, and a sample's elements
// are dealt out to parts (element e to part e mod parts). Sums see the same threads as slots with
// twice as many parts, each of which takes the two blocks in order; what no sample has is dealt out
// to all threads of the team.
#pragma once

#include "compiler/codegen/cuda/emitter.h"
#include "compiler/codegen/team.h"

namespace nodec::codegen {

class GpuTeam : public Team {
 public:
  GpuTeam(CudaEmitter& emitter, int parts) : e_(emitter), parts_(parts) {}

  Share share(Code count) override;
  Code has(const Share& share, Code unit) override;
  Share within(Code count) override;
  void chunks(Code count, const std::function<void(Code chunk)>& body) override;
  void tiles(Code chunk, Code blocks, const std::function<void(const Tile&)>& body) override;
  Code any(Code chunk, Code blocks, const std::function<Code(const Tile&)>& holds) override;
  bool tiles_in_order(Code chunk, const std::function<void(const Tile&)>& body) override;
  Code half() override { return who("half()"); }
  Code slot() override { return who("slot()"); }
  void elements(const std::vector<Extent>& extents,
                const std::function<void(const Indices& at)>& body) override;
  void rows(std::int64_t count, std::int64_t tile, const Rows& body) override;
  void squares(Extent rows, Extent columns, const Square& body) override;
  int slots_held() const override;
  Share outputs(Code count) override;
  void finish(const Share& mine, Code count, const std::function<Code(Code output)>& sum,
              const std::function<void(Code output, Code sum)>& put) override;

 private:
  void each(Code begin, Code end, std::int64_t step, const std::function<void(Code)>& body);
  void each(const Share& mine, const std::function<void(Code)>& body);
  void each_part(std::int64_t count, const std::function<void(Code)>& body);
  void when(Code pred, const std::function<void()>& body);
  Code who(const char* expression) { return e_.known(Scalar::Index, expression); }
  // This thread's part, and of how many: twice as many while sums are taken.
  Code part() { return in_order_ ? who("member_thread() >> 4") : who("part()"); }
  std::int64_t parts() const { return in_order_ ? 2 * parts_ : parts_; }

  CudaEmitter& e_;
  const std::int64_t parts_;
  bool in_order_ = false;
};

}  // namespace nodec::codegen
