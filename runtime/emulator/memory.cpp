// Regions and the shadow of each.
#include "runtime/emulator/memory.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "ir/error.h"

namespace nodec::emulator {
namespace {

constexpr std::size_t kPageCells = 1024;

}  // namespace

// Whether somebody of these, other than `other`, may come before or after it.
bool Memory::Access::conflicts(const Toucher& other) const {
  if (spread == Spread::None || by.team_meetings != other.team_meetings) return false;
  if (spread == Spread::Team || by.member != other.member) return true;
  if (by.member_meetings != other.member_meetings) return false;
  if (spread == Spread::Member || by.warp != other.warp) return true;
  if (by.warp_meetings != other.warp_meetings) return false;
  return spread == Spread::Warp || by.thread != other.thread;
}

// Those that are ordered before `other` are forgotten: whoever comes behind it comes behind them.
void Memory::Access::add(const Toucher& other, const void* at) {
  const bool ordered =
      spread == Spread::None || by.team_meetings != other.team_meetings ||
      (spread <= Spread::Member && by.member == other.member &&
       by.member_meetings != other.member_meetings) ||
      (spread <= Spread::Warp && by.warp == other.warp && by.warp_meetings != other.warp_meetings);
  if (ordered) {
    spread = Spread::Thread;
  } else if (by.member != other.member) {
    spread = Spread::Team;
  } else if (by.warp != other.warp) {
    spread = std::max(spread, Spread::Member);
  } else if (by.thread != other.thread) {
    spread = std::max(spread, Spread::Warp);
  }
  by = other;
  site = at;
}

void Memory::watch(const void* begin, std::size_t bytes, std::string name) {
  const auto at = reinterpret_cast<std::uintptr_t>(begin);
  const auto next = regions_.lower_bound(at);
  NODEC_CHECK(next == regions_.end() || next->first == at || at + bytes <= next->first,
              "'{}' reaches into '{}'", name, next->second.name);
  Region& region = regions_[at];
  region = {bytes, std::move(name), 4, {}};
  last_ = regions_.end();
}

void Memory::forget(const void* begin) {
  regions_.erase(reinterpret_cast<std::uintptr_t>(begin));
  last_ = regions_.end();
}

// The region that holds the address, or end().
Memory::Regions::iterator Memory::find(std::uintptr_t address) {
  const auto holds = [&](Regions::iterator i) {
    return i != regions_.end() && address >= i->first && address - i->first < i->second.bytes;
  };
  if (holds(last_)) return last_;
  auto after = regions_.upper_bound(address);
  if (after == regions_.begin() || !holds(std::prev(after))) return regions_.end();
  return last_ = std::prev(after);
}

Memory::Cell& Memory::Region::cell(std::size_t number) {
  const std::size_t page = number / kPageCells;
  if (pages.size() <= page) pages.resize(page + 1);
  if (pages[page] == nullptr) pages[page] = std::make_unique<Cell[]>(kPageCells);
  return pages[page][number % kPageCells];
}

void Memory::Region::split_cells() {
  const auto words = std::exchange(pages, {});
  unit = 1;
  for (std::size_t page = 0; page < words.size(); ++page) {
    if (words[page] == nullptr) continue;
    for (std::size_t i = 0; i < 4 * kPageCells; ++i) {
      cell(4 * kPageCells * page + i) = words[page][i / 4];
    }
  }
}

bool Memory::touch(const void* address, std::size_t size, bool writes, const Toucher& by,
                   const void* site, std::optional<Race>& race) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const auto found = find(at);
  if (found == regions_.end() || size > found->second.bytes - (at - found->first)) return false;
  Region& region = found->second;
  const std::size_t offset = at - found->first;
  if (region.unit == 4 && (size % 4 != 0 || offset % 4 != 0)) region.split_cells();
  for (std::size_t i = offset / region.unit; i <= (offset + size - 1) / region.unit; ++i) {
    Cell& cell = region.cell(i);
    const auto note = [&](const Access& other, bool wrote) {
      if (race || !other.conflicts(by)) return;
      race = Race{region.name,
                  i * region.unit,
                  {other.by.thread, wrote, other.site},
                  {by.thread, writes, site}};
    };
    note(cell.written, true);
    if (!writes) {
      cell.read.add(by, site);
      continue;
    }
    note(cell.read, false);
    cell.written = {by, site, Access::Spread::Thread};
  }
  return true;
}

std::string Memory::place(const void* address) const {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const auto after = regions_.upper_bound(at);
  if (after != regions_.begin()) {
    const auto& [begin, region] = *std::prev(after);
    const std::size_t past = at - begin;
    if (past < region.bytes) {
      return fmt::format("across the end of {} ({} bytes)", region.name, region.bytes);
    }
    if (after == regions_.end() || past - region.bytes < after->first - at) {
      return fmt::format("{} bytes behind {} ({} bytes)", past - region.bytes, region.name,
                         region.bytes);
    }
  }
  if (after == regions_.end()) return "where nothing is";
  return fmt::format("{} bytes before {} ({} bytes)", after->first - at, after->second.name,
                     after->second.bytes);
}

}  // namespace nodec::emulator
