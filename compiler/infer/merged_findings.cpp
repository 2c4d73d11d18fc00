// One finding for each variable and code.
#include "compiler/infer/merged_findings.h"

#include <algorithm>

#include "compiler/infer/help.h"
#include "kernels/catalogue.h"

namespace nodec {
namespace {

bool is_concrete(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::Never:
    case Type::Kind::Any:
      return false;
    case Type::Kind::Tensor:
      return type.device() != kUnknownDevice &&
             std::none_of(type.shape().begin(), type.shape().end(),
                          [](const Dim& dim) { return dim.is_unknown(); });
    default:
      return std::all_of(type.elements().begin(), type.elements().end(), is_concrete);
  }
}

// That a variable is boxed and that it changes are one thing to say of it.
bool is_of_type(FindingCode code) {
  return code == FindingCode::Boxed || code == FindingCode::DtypeChange ||
         code == FindingCode::ShapeChange || code == FindingCode::StructureChange ||
         code == FindingCode::DeviceChange;
}

std::string key_of(const Finding& finding, const MergedFindings::About& about) {
  std::string_view kind = is_of_type(finding.code) ? "type" : name(finding.code);
  if (about.number >= 0) return fmt::format("{} {}", kind, about.number);
  std::string key = fmt::format("{} {} {} {}", name(finding.code), finding.path, finding.variable,
                                finding.declared.str());
  for (const Write& write : finding.writes) key += " " + write.where.str();
  return key;
}

// C++ tells an assignment's line only through line tables; the stored value's is always known.
Write write_of(const Op& store) {
  const Value* stored = store.operands[1];
  if (store.where.known() || stored->op == nullptr) return {store.where, stored->type, false};
  return {stored->op->where, stored->type, true};
}

bool is_load(const Value* value) { return value->op != nullptr && loads_box(*value->op); }

}  // namespace

std::string path_of(const Region* region) {
  std::string path;
  for (const Op* op = region->parent; op != nullptr; op = op->parent->parent) {
    if (op->primitive == &vjp_p || op->primitive == &jvp_p)
      continue;  // the model is the same with and without its gradient
    const std::string part = op->attrs.get_or<std::string>("name", std::string(op->name()));
    path = path.empty() ? part : part + "/" + path;
  }
  return path;
}

void add_write(Finding& finding, const Write& write) {
  const bool known =
      std::any_of(finding.writes.begin(), finding.writes.end(), [&](const Write& other) {
        return other.where == write.where && identical(other.type, write.type) &&
               other.op == write.op;
      });
  if (!known) finding.writes.push_back(write);
}

void add_writes(Finding& finding, const Op& store) {
  const Write last = write_of(store);
  for (const SourceLine& line : written(store)) {
    const bool other = line.known() && line != store.where;
    add_write(finding, other ? Write{line, last.type, false} : last);
  }
}

std::size_t MergedFindings::keep(Finding finding, About about) {
  const std::size_t at = findings_.size();
  if (finding.declared.known()) {
    const auto [known, fresh] = known_.try_emplace(key_of(finding, about), at);
    if (!fresh) {
      join(known->second, finding, about);
      return known->second;
    }
  }
  settle(finding, about);
  findings_.push_back(std::move(finding));
  abouts_.push_back(std::move(about));
  return at;
}

void MergedFindings::join(std::size_t at, const Finding& more_of_it, const About& more) {
  Finding& finding = findings_[at];
  About& about = abouts_[at];
  if (finding.code == FindingCode::Boxed && more_of_it.code != FindingCode::Boxed) {
    finding.code = more_of_it.code;
    const bool turned = identical(more_of_it.after, finding.before);
    finding.after = turned ? more_of_it.before : more_of_it.after;
  }
  if (more_of_it.path.starts_with(finding.path + "/")) finding.path = more_of_it.path;
  for (const Write& write : more_of_it.writes) add_write(finding, write);
  finding.stops = finding.stops || more_of_it.stops;
  about.own.insert(about.own.end(), more.own.begin(), more.own.end());
  about.scratch = about.scratch && more.scratch;
  settle(finding, about);
}

// What is computed from the variable's own values, and the edit that mends it.
void MergedFindings::settle(Finding& finding, const About& about) {
  if (!reach_ && !about.own.empty()) reach_.emplace(graph_, inference_);
  const auto unproven = [&](const Value* value) {
    return !is_concrete(inference_.proven.at(value));
  };
  finding.loads = finding.unproven = 0;
  for (const Value* value : about.own) {
    finding.loads += is_load(value) ? 1 : 0;
    finding.unproven += is_load(value) && unproven(value) ? 1 : 0;
  }
  finding.lost.clear();
  if (!about.own.empty()) {
    for (const Value* value : reach_->from(about.own)) {
      const Op* op = value->op;
      const Op* holder = op != nullptr ? op : value->region->parent;
      finding.lost.push_back({value->name, op != nullptr ? std::string(op->name()) : "an argument",
                              holder != nullptr ? holder->where : SourceLine{},
                              inference_.proven.at(value)});
      finding.unproven += unproven(value) ? 1 : 0;
    }
  }
  finding.help = help_for(finding, about.scratch);
}

}  // namespace nodec
