// What is known of the memory of an emulated GPU: its regions by name, and who touched each word
// last. Told of every access, it finds those past a region's end and those that race.
//
// Two accesses of one word race when one of them writes, other threads made them, and no meeting
// lies between. Meetings are full barriers of a whole group (a warp, a member, the team), so each
// group counts its meetings, and a word remembers the counts: no vector clocks are needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nodec::emulator {

// Who accesses, and how often its groups have met so far.
struct Toucher {
  std::uint32_t thread = 0, warp = 0, member = 0;
  std::uint32_t warp_meetings = 0, member_meetings = 0, team_meetings = 0;
};

struct Race {
  std::string region;
  std::size_t offset = 0;
  struct Side {
    std::uint32_t thread = 0;
    bool writes = false;
    const void* site = nullptr;
  } first, second;
};

class Memory {
 public:
  // Regions do not overlap. Watched again, one is fresh.
  void watch(const void* begin, std::size_t bytes, std::string name);
  void forget(const void* begin);

  // Whether the access lies in one region. Leaves there who made it.
  bool touch(const void* address, std::size_t size, bool writes, const Toucher& by,
             const void* site, std::optional<Race>& race);
  // "4 bytes behind scratch 'sums' (1024 bytes)", of an access in no region.
  std::string place(const void* address) const;

 private:
  // Those that read a word since it was last ordered before them: one thread, or several of one
  // warp, of one member, of several members. `by` is the last of them.
  struct Access {
    enum class Spread : std::uint8_t { None, Thread, Warp, Member, Team };
    Toucher by;
    const void* site = nullptr;
    Spread spread = Spread::None;

    bool conflicts(const Toucher& other) const;
    void add(const Toucher& other, const void* at);
  };
  struct Cell {
    Access written, read;
  };
  struct Region {
    std::size_t bytes = 0;
    std::string name;
    std::size_t unit = 4;  // bytes of a cell; 1 from the first access on that is smaller
    std::vector<std::unique_ptr<Cell[]>> pages;  // null where nothing was touched

    Cell& cell(std::size_t number);
    void split_cells();
  };
  using Regions = std::map<std::uintptr_t, Region>;

  Regions::iterator find(std::uintptr_t address);

  Regions regions_;  // by their begin
  Regions::iterator last_ = regions_.end();
};

}  // namespace nodec::emulator
