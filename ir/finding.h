// What the type-stability gate found about one variable, as data; the report words it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ir/error.h"
#include "ir/type.h"

namespace nodec {

// Stable codes: append only, a report and its readers know them by name.
enum class FindingCode : std::uint8_t {
  Boxed,            // captured and reassigned, but every store has one type: works as a typed cell
  DtypeChange,      // stores disagree on the dtype
  ShapeChange,      // ... on rank or dims
  StructureChange,  // ... on fields, lengths, or tensor against record
  CarryChange,      // a loop's carried value enters with one type and leaves with another
};
std::string_view name(FindingCode code);  // "boxed", "dtype-change", ...

struct Finding {
  FindingCode code = FindingCode::Boxed;
  std::string path;      // named calls and solves from the model's root: "chain/layer_3/solve"
  std::string variable;  // the user's name for it, or empty
  SourceLine declared;
  std::vector<SourceLine> writes;  // every store, in program order
  Type before, after;  // the type it starts with, and the first differing one (`before` if none)
  int loads = 0;       // loads that are `any` without the proof
  int lost = 0;        // other values that are `any` because of them
  std::string help;    // the edit that mends it

  bool stable() const { return code == FindingCode::Boxed; }
};

}  // namespace nodec
