// One finding for each variable and code.
#include "compiler/infer/gathered.h"

#include <algorithm>

#include "compiler/infer/help.h"

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

bool is_load(const Value* value) { return value->op != nullptr && loads_box(*value->op); }

}  // namespace

void add_write(Finding& finding, const Write& write) {
  const bool known =
      std::any_of(finding.writes.begin(), finding.writes.end(), [&](const Write& other) {
        return other.where == write.where && identical(other.type, write.type);
      });
  if (!known) finding.writes.push_back(write);
}

void Gathered::keep(Finding finding, About about) {
  if (finding.declared.known()) {
    std::string key = fmt::format("{} {} {} {}", name(finding.code), finding.path, finding.variable,
                                  finding.declared.str());
    if (about.number >= 0) key += fmt::format(" {}", about.number);
    for (const Write& write : finding.writes) {
      if (about.number < 0) key += " " + write.where.str();
    }
    const auto [known, fresh] = known_.try_emplace(key, Known{findings_.size(), about});
    if (!fresh) return join(known->second, finding, about);
  }
  settle(finding, about);
  findings_.push_back(std::move(finding));
}

void Gathered::join(Known& known, const Finding& more_of_it, const About& more) {
  Finding& finding = findings_[known.at];
  About& about = known.about;
  for (const Write& write : more_of_it.writes) add_write(finding, write);
  finding.stops = finding.stops || more_of_it.stops;
  about.own.insert(about.own.end(), more.own.begin(), more.own.end());
  about.scratch = about.scratch && more.scratch;
  settle(finding, about);
}

// What is computed from the variable's own values, and the edit that mends it.
void Gathered::settle(Finding& finding, const About& about) {
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
