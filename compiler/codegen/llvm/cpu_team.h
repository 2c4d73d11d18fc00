// A team of threads: each is a member that does whole chunks, and all lanes of a tile at once.
#pragma once

#include "compiler/codegen/team.h"

namespace nodec::codegen {

class CpuTeam : public Team {
 public:
  explicit CpuTeam(Emitter& emitter) : e_(emitter) {}

  Share share(Code count) override;
  Code has(const Share& share, Code unit) override;
  void chunks(Code count, const std::function<void(Code chunk)>& body) override;
  void tiles(Code chunk, Code blocks,
             const std::function<void(Code block, Code lane)>& body) override;
  void elements(const std::vector<Extent>& extents,
                const std::function<void(const Indices& at)>& body) override;
  void rows(std::int64_t count, std::int64_t tile,
            const std::function<void(Code first, std::int64_t rows)>& body) override;
  void squares(std::int64_t rows, std::int64_t tile_rows, std::int64_t columns,
               std::int64_t tile_columns,
               const std::function<void(Code row, std::int64_t rows, Code column,
                                        std::int64_t columns)>& body) override;

 private:
  void each(Code begin, Code end, std::int64_t step, const std::function<void(Code)>& body);

  Emitter& e_;
};

}  // namespace nodec::codegen
