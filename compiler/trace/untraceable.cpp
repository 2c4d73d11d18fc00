// What is wrong with a variable at a line of the trace.
#include "compiler/trace/untraceable.h"

#include <algorithm>

#include "compiler/trace/call_stack.h"
#include "compiler/trace/statement.h"
#include "kernels/build.h"

namespace nodec::tracing {
namespace {

std::string path_to(const Frame& frame) {
  std::string path = frame.parent != nullptr ? path_to(*frame.parent) : "";
  if (frame.body == Body::Program || frame.what == "vjp") return path;
  const std::string step = frame.name.empty() ? frame.what : frame.name;
  return path.empty() ? step : path + "/" + step;
}

Error escaped(const Variable& variable, const SourceLine& at) {
  return Error(
      fmt::format("{} belongs to another trace, '{}'", spelled(variable), variable.birth->what),
      {{at, "used here"}, {variable.declared, "made here"}}, "pass it to this program as an input");
}

Finding escape(const Variable& variable, const SourceLine& at) {
  const Frame& birth = *variable.birth;
  Finding finding = found(FindingCode::Escape, variable, birth, at);
  if (variable.binding.content) {
    finding.before = finding.after = finding.writes[0].type = variable.binding.content->type;
  }
  finding.help = fmt::format(
      "return it from the body of the {}, or assign it to a variable declared outside", birth.what);
  return finding;
}

bool all_tensors(const Type& type) {
  const std::vector<Type> all = leaf_types(type);
  return std::all_of(all.begin(), all.end(), [](const Type& leaf) { return leaf.is_tensor(); });
}

// A value that is used outside of its body is reported, and goes on as zeros of its type, so that
// the trace meets what else is wrong with the program.
void adopt(Variable& variable, Frame& frame, const SourceLine& at) {
  Finding finding = escape(variable, at);
  const Binding& old = variable.binding;
  const Type type = old.content ? old.content->type : old.witness;
  if (!old.content && old.box == nullptr) throw unborn(variable, frame, at);
  if (!all_tensors(type)) throw stop(frame, std::move(finding));
  const std::vector<Value*> values = old.content ? leaves(*old.content) : std::vector{old.box};
  const bool copied = !values.empty() && !frame.record->escaped.insert(values.front()).second;
  if (!variable.escaped && !copied) frame.record->report(std::move(finding));
  variable.escaped = true;
  Builder b = frame.builder(at);
  variable.binding = Binding{open(b, zeros(b, type)), nullptr, {}};
  variable.birth = frame.shared_from_this();
}

}  // namespace

std::string name_of(const Variable& variable) {
  if (variable.named || !variable.at_home) return variable.name;
  const std::string said = declared_on(variable.declared, variable.is_copy);
  return said.empty() ? variable.name : said;
}

std::string spelled(const Variable& variable) {
  const std::string name = name_of(variable);
  return name.empty() ? "a variable" : fmt::format("'{}'", name);
}

void TraceRecord::report(Finding finding) {
  const auto same = [&](const Finding& other) {
    return other.code == finding.code && other.path == finding.path &&
           other.variable == finding.variable && other.declared == finding.declared &&
           other.writes.front().where == finding.writes.front().where;
  };
  if (std::none_of(findings.begin(), findings.end(), same)) findings.push_back(std::move(finding));
}

Finding found(FindingCode code, const Variable& variable, const Frame& frame,
              const SourceLine& at) {
  Finding finding;
  finding.code = code;
  finding.path = path_to(frame);
  finding.variable = name_of(variable);
  finding.declared = variable.declared;
  finding.writes.push_back({at, {}, false});
  return finding;
}

Finding restructured(const Frame& frame, const Type& before, const Type& after,
                     const SourceLine& at) {
  const bool loop = frame.what == "while";
  Finding finding;
  finding.code = loop ? FindingCode::CarryChange : FindingCode::StructureChange;
  finding.path = path_to(frame);
  finding.before = before;
  finding.after = after;
  finding.writes.push_back({at, after, false});
  finding.help = loop ? "let the body return the fields that it is given"
                      : "let both bodies return the same fields";
  return finding;
}

Untraceable unborn(const Variable& variable, const Frame& frame, const SourceLine& at,
                   const std::string& help) {
  Finding finding = found(FindingCode::UseBeforeStore, variable, frame, at);
  finding.help = help;
  return stop(frame, std::move(finding));
}

Untraceable stop(const Frame& frame, Finding finding) {
  std::vector<Finding> all = frame.record->findings;
  all.push_back(std::move(finding));
  return Untraceable(std::move(all), frame.record->traced, true);
}

SourceLine written_at(const Frame& frame, const std::vector<std::size_t>& sites,
                      const SourceLine& otherwise) {
  const std::vector<StoreSite>& all = frame.record->traced.stores;
  if (sites.empty() || sites.back() >= all.size()) return otherwise;
  const SourceLine line = first_user_line(all[sites.back()].addresses);
  return line.known() ? line : otherwise;
}

bool has_ended(const Variable& variable, const Frame& frame) {
  return variable.birth != nullptr && !frame.inside(*variable.birth);
}

void check_reach(Variable& variable, Frame& frame, const SourceLine& at) {
  if (variable.birth == nullptr) throw unborn(variable, frame, at);
  if (!has_ended(variable, frame)) return;
  const bool another = variable.birth->body == Body::Program;
  if (another) throw escaped(variable, at);
  adopt(variable, frame, at);
}

}  // namespace nodec::tracing
