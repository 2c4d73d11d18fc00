// What the type-stability gate found about one variable, as data. ir/report.h words it.
#pragma once

#include <cstdint>
#include <span>
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
  DeviceChange,     // stores disagree on the device
  Escape,           // made inside a body, used outside of it
  UseBeforeStore,   // read before anything was stored in it
  AliasedSlots,     // two state slots are one
  CountDependent,   // its content depends on how often the solver ran the dynamics
  Scratch,          // a declared cell that is always written before it is read
  FlatPath,         // a gradient is asked for, and a way into the dynamics has none
};
std::string_view name(FindingCode code);     // "boxed", "dtype-change", ...
std::string_view meaning(FindingCode code);  // one line for people, as in compiler/infer/README.md

// All codes, in the order above.
std::vector<FindingCode> finding_codes();

enum class ProgramPart : std::uint8_t { Forward, Backward };
std::string_view name(ProgramPart part);  // "forward", "backward"

// One place that stores to the variable, with the type it stores.
struct Write {
  SourceLine where;
  Type type;
  // The line is that of the stored value: the store's own was not found (no line tables).
  bool of_value = false;
  std::string op = {};  // of a flat path: no store, but what has no derivative ("le")
};

// A value that is `any` because of the variable, when nothing is proven.
struct Lost {
  std::string name;  // the user's, or empty
  std::string op;    // what makes it ("add"), or empty for an argument of a region
  SourceLine where;
  Type proven;  // what the proof says it is; `any` when it says nothing
};

struct Finding {
  FindingCode code = FindingCode::Boxed;
  ProgramPart program = ProgramPart::Forward;
  std::string path;      // named calls and solves from the model's root: "chain/layer_3/solve"
  std::string variable;  // the user's name for it, or empty
  SourceLine declared;
  std::vector<Write> writes;  // every store, in program order
  Type before, after;  // the type it starts with, and the first differing one (`before` if none)
  int loads = 0;       // of it; each is `any` without the proof
  std::vector<Lost> lost;  // other values that are `any` because of them, in program order
  int unproven = 0;        // of loads and lost: those that stay `any` with the proof
  std::string help;        // the edit that mends it
  bool stops = false;      // a derivative that the program asks for does not exist because of it
  bool in_part = false;    // of a flat path: the variable also reaches the dynamics smoothly

  // Whether it compiles: one type is proven. Any other finding stops a compile.
  bool stable() const {
    if (stops) return false;
    return code == FindingCode::Boxed || code == FindingCode::AliasedSlots ||
           code == FindingCode::CountDependent || code == FindingCode::Scratch ||
           code == FindingCode::FlatPath;
  }
};

// Whether a program with these findings compiles.
bool stable(std::span<const Finding> findings);

// What a program that is not stable throws, from the trace or from compile: what() is the report.
class Unstable : public Error {
 public:
  explicit Unstable(std::vector<Finding> findings);
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  std::vector<Finding> findings_;
};

}  // namespace nodec
