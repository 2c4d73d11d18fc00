// The layout of a finding's report:
//
//   boxed: 'st' in layer_3 is reassigned in the body, always as f32[20]
//     --> model.cpp:22   declared here, f32[20]
//         |  State st = start;
//     --> model.cpp:25   stored here, f32[20]
//         |  st = next;
//     lost: 2 loads and 3 values are any until the proof; with it, none
//         'du'  model.cpp:26  f32[20, B]
//     help: pass 'st' through the body and return it, or declare it a Cell
#include "ir/report.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "ir/paint.h"
#include "ir/text.h"

namespace nodec {
namespace {

std::string spelled(const std::string& name) {
  return name.empty() ? "a variable" : fmt::format("'{}'", name);
}

std::string place(const SourceLine& where, const std::string& remark, const ReportStyle& style) {
  const Paint paint(style.colour);
  if (!where.known()) return fmt::format("  --> unknown line   {}\n", printable(remark));
  std::string text =
      fmt::format("  --> {}   {}\n", paint.cyan(printable(short_str(where))), printable(remark));
  const std::string quote = style.quote ? printable(source_text(where)) : "";
  if (!quote.empty()) text += fmt::format("      {}  {}\n", paint.dim("|"), quote);
  return text;
}

std::string writes_text(const Finding& f, const ReportStyle& style) {
  std::string text;
  bool inexact = false;
  for (const Write& write : f.writes) {
    inexact |= write.op.empty() && (write.of_value || !write.where.known());
    text += place(write.where, remark(f, write), style);
  }
  if (!inexact) return text;
  return text +
         "      (an assignment's own line is read from line tables: compile the Traced, not its "
         "graph; build the model with -g1, and nodec with LLVM)\n";
}

std::string diff_text(const Finding& f, const ReportStyle& style) {
  if (identical(f.before, f.after)) return "";
  const Paint paint(style.colour);
  const auto [before, after] = short_diff(f.before, f.after);
  return fmt::format("  type: {}\n        {}\n", paint.red("- " + printable(before)),
                     paint.green("+ " + printable(after)));
}

std::string lost_text(const Finding& f, const ReportStyle& style) {
  if (f.loads == 0 && f.lost.empty()) return "";
  const std::size_t all = std::size_t(f.loads) + f.lost.size();
  std::string text =
      fmt::format("  lost: {} and {} are any until the proof; with it, {}\n",
                  count_of(std::size_t(f.loads), "load"), count_of(f.lost.size(), "value"),
                  f.unproven == 0          ? "none"
                  : f.unproven == int(all) ? "still all"
                                           : std::to_string(f.unproven));
  for (std::size_t i = 0; i < std::min(style.lost, f.lost.size()); ++i) {
    const Lost& value = f.lost[i];
    const std::string what = value.name.empty() ? value.op : fmt::format("'{}'", value.name);
    text += fmt::format("        {}  {}  {}\n", what, short_str(value.where), value.proven.str());
  }
  if (f.lost.size() > style.lost)
    text += fmt::format("        and {} more\n", f.lost.size() - style.lost);
  return printable(text);
}

std::string where_in(const Finding& f) {
  const std::string model = f.path.empty() ? "" : " in " + printable(f.path);
  return model + (f.program == ProgramPart::Backward ? " (backward)" : "");
}

// "le and floor"
std::string ops_text(const Finding& f) {
  std::vector<std::string> ops;
  for (const Write& write : f.writes) {
    if (std::find(ops.begin(), ops.end(), write.op) == ops.end()) ops.push_back(write.op);
  }
  std::string text;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    text += (i == 0 ? "" : i + 1 < ops.size() ? ", " : " and ") + ops[i];
  }
  return text;
}

std::string predicate(const Finding& f) {
  const auto [before, after] = short_diff(f.before, f.after);
  switch (f.code) {
    case FindingCode::Boxed:
      return fmt::format("is reassigned in the body, always as {}", f.before.str());
    case FindingCode::CarryChange:
      return fmt::format("enters as {} and leaves as {}", before, after);
    case FindingCode::DtypeChange:
    case FindingCode::ShapeChange:
    case FindingCode::StructureChange:
    case FindingCode::DeviceChange:
      return fmt::format("starts as {} and becomes {}", before, after);
    case FindingCode::Escape:
      return "was made inside the body and is used outside of it";
    case FindingCode::UseBeforeStore:
      return "is used before it has a value";
    case FindingCode::AliasedSlots:
      return "is stored to through two handles";
    case FindingCode::CountDependent:
      if (f.stops) return "is what an earlier run of the dynamics left, which has no derivative";
      return "depends on how often the solver runs the dynamics";
    case FindingCode::Scratch:
      return "is always written before it is read";
    case FindingCode::FlatPath:
      return fmt::format("reaches the dynamics {} through {}, whose derivative is 0",
                         f.in_part ? "in part" : "only", ops_text(f));
  }
  return {};
}

// ", f32[3]", as it differs from the other type; nothing where no type is known.
std::string typed(const Type& type, const Type& other) {
  return type.kind() == Type::Kind::Never ? "" : ", " + short_diff(type, other).first;
}

}  // namespace

std::string remark(const Finding& f, const Write& write) {
  if (f.code == FindingCode::FlatPath) return write.op + typed(write.type, f.before);
  const std::string type = typed(write.type, f.before);
  if (write.of_value) return "this value is stored" + type;
  const bool used = f.code == FindingCode::Escape || f.code == FindingCode::UseBeforeStore;
  const bool carry = f.code == FindingCode::CarryChange;
  return fmt::format("{} here{}", used ? "used" : carry ? "leaves" : "stored", type);
}

std::string sentence(const Finding& f) {
  return printable(spelled(f.variable) + " " + predicate(f));
}

std::string report(const Finding& f, const ReportStyle& style) {
  const Paint paint(style.colour);
  const std::string code(name(f.code));
  std::string text =
      fmt::format("{}: {}{} {}\n", f.stable() ? paint.bold_yellow(code) : paint.bold_red(code),
                  printable(spelled(f.variable)), where_in(f), printable(predicate(f)));
  if (f.declared.known()) {
    const char* remark = f.code == FindingCode::CarryChange ? "enters here"
                         : f.code == FindingCode::Escape    ? "made here"
                         : f.code == FindingCode::FlatPath  ? "its gradient is asked for here"
                                                            : "declared here";
    text += place(f.declared, remark + typed(f.before, f.after), style);
  }
  text += writes_text(f, style) + diff_text(f, style) + lost_text(f, style);
  if (!f.help.empty()) text += fmt::format("  help: {}\n", printable(f.help));
  return text;
}

std::string report(std::span<const Finding> findings, const ReportStyle& style) {
  if (findings.empty()) return "no findings: every value has one type\n";
  std::string text;
  for (const Finding& finding : findings) text += report(finding, style) + "\n";
  const auto stops =
      std::count_if(findings.begin(), findings.end(), [](const Finding& f) { return !f.stable(); });
  text += count_of(findings.size(), "finding");
  if (stops > 0)
    text += fmt::format(", of which {} {} a compile", stops, stops == 1 ? "stops" : "stop");
  return text + "\n";
}

namespace {

std::string elided(const Type& type, const Type& other) {
  const bool alike = type.kind() == other.kind() && type.field_names() == other.field_names() &&
                     type.elements().size() == other.elements().size();
  const bool structured = type.kind() == Type::Kind::Record || type.kind() == Type::Kind::Tuple;
  if (!alike || !structured || identical(type, other)) return type.str();
  std::string text;
  bool gap = false;
  for (std::size_t i = 0; i < type.elements().size(); ++i) {
    if (identical(type.elements()[i], other.elements()[i])) {
      gap = true;
      continue;
    }
    text += text.empty() ? "" : ", ";
    if (gap) text += "..., ";
    gap = false;
    if (!type.field_names().empty()) text += type.field_names()[i] + ": ";
    text += elided(type.elements()[i], other.elements()[i]);
  }
  if (gap) text += ", ...";
  return type.kind() == Type::Kind::Record ? "{" + text + "}" : "(" + text + ")";
}

}  // namespace

std::pair<std::string, std::string> short_diff(const Type& before, const Type& after) {
  return {elided(before, after), elided(after, before)};
}

std::string short_path(const std::string& file) {
  namespace fs = std::filesystem;
  const fs::path path(file);
  std::error_code failed;
  const fs::path here = fs::current_path(failed);
  if (failed || !path.is_absolute()) return file;
  const fs::path relative = path.lexically_normal().lexically_relative(here);
  const bool below = !relative.empty() && *relative.begin() != "..";
  return below ? relative.string() : path.lexically_normal().string();
}

std::string short_str(const SourceLine& where) {
  return SourceLine{short_path(where.file), where.line}.str();
}

std::string source_text(const SourceLine& where) {
  constexpr std::uintmax_t kLargest = 1 << 26;  // text that somebody wrote is smaller
  std::error_code failed;
  if (!where.known() || !std::filesystem::is_regular_file(where.file, failed)) return {};
  if (std::filesystem::file_size(where.file, failed) > kLargest) return {};
  std::ifstream file(where.file);
  std::string text;
  for (int i = 0; i < where.line; ++i) {
    if (!std::getline(file, text)) return {};
  }
  const std::size_t first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, last + 1 - first);
}

}  // namespace nodec
