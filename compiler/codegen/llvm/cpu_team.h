// A team of threads: each is a member that does whole chunks, and all lanes of a tile at once.
#pragma once

#include "compiler/codegen/team.h"

namespace nodec::codegen {

class CpuTeam : public Team {
 public:
  explicit CpuTeam(Emitter& emitter) : e_(emitter) {}

  Share share(Code count) override;
  Code has(const Share& share, Code unit) override;
  Share within(Code count) override { return {e_.index(0), count, e_.index(1)}; }
  void chunks(Code count, const std::function<void(Code chunk)>& body) override;
  void tiles(Code chunk, Code blocks, const std::function<void(const Tile&)>& body) override;
  Code any(Code chunk, Code blocks, const std::function<Code(const Tile&)>& holds) override;
  bool tiles_in_order(Code, const std::function<void(const Tile&)>&) override { return false; }
  Code half() override { return e_.index(0); }
  Code slot() override { return e_.index(0); }
  void elements(const std::vector<Extent>& extents,
                const std::function<void(const Indices& at)>& body) override;
  void rows(std::int64_t count, std::int64_t tile, const Rows& body) override;
  void squares(Extent rows, Extent columns, const Square& body) override;
  int slots_held() const override { return e_.lanes(); }
  Share outputs(Code count) override { return share(count); }
  void finish(const Share& mine, Code count, const std::function<Code(Code output)>& sum,
              const std::function<void(Code output, Code sum)>& put) override;

 private:
  void each(Code begin, Code end, std::int64_t step, const std::function<void(Code)>& body);
  using TileTurn = std::function<Emitter::Values(const Tile&, Emitter::Values)>;
  Emitter::Values over_tiles(Code chunk, Code blocks, const Emitter::Values& state,
                             const TileTurn& body);

  Emitter& e_;
};

}  // namespace nodec::codegen
