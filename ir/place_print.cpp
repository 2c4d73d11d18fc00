// Buffers by the memory they lie in: registers and stack first, then what members share, then
// scratch in the order of its numbers.
#include "ir/place_print.h"

#include <fmt/format.h>

#include <map>
#include <vector>

namespace nodec::plan {
namespace {

using Kind = Place::Kind;

bool counts_bytes(const Place& place) { return place.block_bytes > 0 || place.before > 0; }

// The buffers of one piece, "name#number at 64" each.
using Pieces = std::map<std::pair<Kind, int>, std::vector<std::string>>;

Pieces pieces_of(const Plan& plan, const Schedule& schedule) {
  Pieces pieces;
  for (std::size_t i = 0; i < schedule.places.size(); ++i) {
    const Place& place = schedule.places[i];
    if (place.kind == Kind::Plan) continue;
    std::string what = fmt::format("{}#{}", plan.buffers[i].name, i);
    if (place.kind == Kind::Stack) what += fmt::format(" in {}", place.room);
    if (counts_bytes(place)) what += fmt::format(" at {}", place.before);
    pieces[{place.kind, place.scratch}].push_back(std::move(what));
  }
  return pieces;
}

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::Register:
      return "registers";
    case Kind::Stack:
      return "stack";
    case Kind::Shared:
      return "shared memory";
    case Kind::Member:
      return "each member's";
    case Kind::Arena:
      return "each block's";
    case Kind::Chunk:
      return "each chunk's arena";
    case Kind::Slots:
      return "each chunk's";
    case Kind::Own:
      return "each thread's";
    case Kind::Team:
      return "the team's";
    case Kind::Plan:
      break;
  }
  return "";
}

// Further lines stand deeper.
std::string listed(const char* kind, const std::vector<std::string>& what, std::size_t column) {
  constexpr std::size_t kWidth = 110;
  std::string text = fmt::format("{}: ", kind);
  column += text.size();
  for (std::size_t i = 0; i < what.size(); ++i) {
    if (i > 0) text += ", ";
    if (i > 0 && column + what[i].size() > kWidth) {
      text.replace(text.size() - 1, 1, "\n      ");
      column = 6;
    }
    text += what[i];
    column += what[i].size() + 2;
  }
  return text;
}

}  // namespace

std::string print_places(const Plan& plan, const Schedule& schedule) {
  Pieces pieces = pieces_of(plan, schedule);
  std::string text;
  for (const auto& [where, what] : pieces) {
    if (where.second >= 0) continue;
    text += fmt::format("  {}\n", listed(kind_name(where.first), what, 2));
  }
  for (std::size_t i = 0; i < schedule.scratch.size(); ++i) {
    const ScratchBuffer& scratch = schedule.scratch[i];
    std::string line =
        fmt::format("  scratch {} {}: {} bytes", i, scratch.name, scratch.bytes.str());
    for (const auto& [where, what] : pieces) {
      if (where.second != int(i)) continue;
      line += "; " + listed(kind_name(where.first), what, line.size() + 2);
    }
    text += line + '\n';
  }
  return text;
}

}  // namespace nodec::plan
