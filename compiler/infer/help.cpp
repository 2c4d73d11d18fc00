// The edit that mends a finding, code by code.
#include "compiler/infer/help.h"

#include <algorithm>

namespace nodec {
namespace {

std::string spelled(const std::string& name) {
  return name.empty() ? "the variable" : fmt::format("'{}'", name);
}

// The first tensor that changes, and where it is in the variable.
struct Part {
  std::string name;
  Type before;
};

Part changed_part(std::string name, const Type& before, const Type& after) {
  const std::size_t parts = std::min(before.elements().size(), after.elements().size());
  for (std::size_t i = 0; i < parts; ++i) {
    const Type &was = before.elements()[i], &is = after.elements()[i];
    if (identical(was, is)) continue;
    const bool record = before.kind() == Type::Kind::Record;
    const std::string field = record ? before.field_names()[i] : std::to_string(i);
    return changed_part(name.empty() ? field : name + "." + field, was, is);
  }
  return {std::move(name), before};
}

}  // namespace

std::string help_for(const Finding& f, bool scratch) {
  const std::string name = spelled(f.variable);
  const Part changed = changed_part(f.variable, f.before, f.after);
  const std::string part = spelled(changed.name), type = changed.before.str();
  switch (f.code) {
    case FindingCode::Boxed:
      if (scratch) return fmt::format("declare {} inside: it is always written before read", name);
      return fmt::format("pass {} through the body and return it, or declare it a Cell", name);
    case FindingCode::DtypeChange:
      return fmt::format("cast what is stored in {} to {}", part, type);
    case FindingCode::ShapeChange:
      return fmt::format("store only values of type {} in {}", type, part);
    case FindingCode::StructureChange:
      return fmt::format("give {} all its fields where it is declared, and keep them", name);
    case FindingCode::DeviceChange:
      return fmt::format("move what is stored in {} back with to_device(.., {})", part,
                         changed.before.is_tensor() && changed.before.device() != kHost
                             ? std::to_string(changed.before.device())
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
    case FindingCode::FlatPath:
      break;  // its paths say what mends it
  }
  return {};
}

std::string help_for_flat_path(const std::string& variable, bool of_time) {
  const std::string name = spelled(variable);
  if (of_time) return fmt::format("give the time that {} sets to SolveOptions::stops", name);
  return fmt::format(
      "smooth the step, as sigmoid((x - y) / width) does for x > y, or pass stop_gradient({}) "
      "where "
      "it is meant to have no derivative",
      variable.empty() ? "x" : variable);
}

}  // namespace nodec
