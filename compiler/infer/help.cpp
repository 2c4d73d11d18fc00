// The edit that mends a finding, code by code.
#include "compiler/infer/help.h"

namespace nodec {
namespace {

std::string spelled(const std::string& name) {
  return name.empty() ? "the variable" : fmt::format("'{}'", name);
}

}  // namespace

std::string help_for(const Finding& f, bool scratch) {
  const std::string name = spelled(f.variable);
  switch (f.code) {
    case FindingCode::Boxed:
      if (scratch) return fmt::format("declare {} inside: it is always written before read", name);
      return fmt::format("pass {} through the body and return it, or declare it a Cell", name);
    case FindingCode::DtypeChange:
      return fmt::format("cast what is stored in {} to {}", name, f.before.str());
    case FindingCode::ShapeChange:
      return fmt::format("store only values of type {} in {}", f.before.str(), name);
    case FindingCode::StructureChange:
      return fmt::format("give {} all its fields where it is declared, and keep them", name);
    case FindingCode::DeviceChange:
      return fmt::format("move what is stored in {} back with to_device(.., {})", name,
                         f.before.is_tensor() && f.before.device() != kHost
                             ? std::to_string(f.before.device())
                             : "kHost");
    case FindingCode::CarryChange:
      return fmt::format("start {} as {}, or convert it back at the end of the body", name,
                         f.after.str());
    case FindingCode::CountDependent:
      return fmt::format(
          "say what {} means inside a solve: Cell(x, StatePolicy::PerSolve), "
          "PerAcceptedStep or Frozen",
          name);
    case FindingCode::AliasedSlots:
      return fmt::format("give each handle a state of its own: Cell other({}.load())",
                         f.variable.empty() ? "cell" : f.variable);
    case FindingCode::Scratch:
      return fmt::format("declare {} inside the body, as a plain variable", name);
    case FindingCode::Escape:
    case FindingCode::UseBeforeStore:
      break;  // the trace finds these
  }
  return {};
}

}  // namespace nodec
