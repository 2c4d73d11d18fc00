// From the inference's boxes and carries to findings, and the one Error that refuses them.
#include "compiler/infer/stability.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/infer/history.h"
#include "compiler/infer/merged_findings.h"
#include "ir/primitive.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

// The first difference that matters, looked for inside fields too.
FindingCode change(const Type& before, const Type& after) {
  const bool same_kind = before.kind() == after.kind() &&
                         before.elements().size() == after.elements().size() &&
                         before.field_names() == after.field_names();
  if (!same_kind) return FindingCode::StructureChange;
  if (!before.is_tensor()) {
    for (std::size_t i = 0; i < before.elements().size(); ++i) {
      if (identical(before.elements()[i], after.elements()[i])) continue;
      return change(before.elements()[i], after.elements()[i]);
    }
    return FindingCode::StructureChange;
  }
  if (before.dtype() != after.dtype()) return FindingCode::DtypeChange;
  return before == after ? FindingCode::DeviceChange : FindingCode::ShapeChange;
}

bool is_inside(const Region* region, const Op* op) {
  for (; region->parent != nullptr; region = region->parent->parent) {
    if (region->parent == op) return true;
  }
  return false;
}

// The op of the box's own region whose body this op stands in; null when it stands in none.
const Op* body_of(const Op& op, const Value* box) {
  const Op* holder = &op;
  while (holder->parent != box->region && holder->parent->parent != nullptr) {
    holder = holder->parent->parent;
  }
  return holder == &op ? nullptr : holder;
}

class Findings {
 public:
  Findings(const Graph& graph, const Inference& inference, bool unfinished)
      : inference_(inference), unfinished_(unfinished), found_(graph, inference) {
    study(graph.body);
  }

  std::vector<Finding> all() {
    for (const BoxedVariable& v : inference_.boxes) {
      if (v.stores.empty() || !(v.captured || v.changes())) continue;
      box(v);
      if (v.declared_cell) aliases(v);
      history(v);
    }
    for (const StateHistory& h : explicit_) explicit_cell(h);
    for (const UnstableCarry& c : inference_.carries) carry(c);
    return found_.take();
  }

 private:
  // Bodies that may run more than once, innermost last.
  void study(const Region& region) {
    for (const auto& op : region.ops) {
      if (op->primitive == &solve_p || op->primitive == &call_p) {
        for (const StateHistory& h : histories(*op)) {
          const auto origin = inference_.origins.find(h.arg);
          if (origin != inference_.origins.end()) histories_[origin->second].push_back(h);
          if (origin == inference_.origins.end()) explicit_.push_back(h);
        }
      }
      for (const auto& nested : op->regions) study(*nested);
    }
  }

  void box(const BoxedVariable& v) {
    Finding f = about(v);
    const bool scratch = is_scratch(v);
    if (v.changes()) f.code = change(v.first, v.odd);
    const bool sound_cell = v.declared_cell && !v.changes();
    if (sound_cell) {
      if (!scratch) return;
      f.code = FindingCode::Scratch;
    }
    f.after = v.odd;
    told_[v.box] =
        found_.keep(std::move(f), {.own = sound_cell ? std::vector<const Value*>() : v.loads,
                                   .scratch = scratch,
                                   .number = number_of(v)});
  }

  // `all`: with the stores of what another loop or branch left, which tells its own lines.
  Finding about(const BoxedVariable& v, bool all = false) const {
    Finding f;
    f.path = path_of(v.stores.front()->parent);
    f.variable = v.box->name;
    f.declared = v.box->op->where;
    for (const Op* store : v.stores) {
      if (!all && is_unstable(store->operands[1])) continue;
      add_writes(f, *store);
    }
    f.before = f.after = v.first;
    return f;
  }

  // Written before it is read by every run of one body, and read nowhere else.
  bool is_scratch(const BoxedVariable& v) const {
    const auto found = histories_.find(v.box);
    if (unfinished_ || found == histories_.end()) return false;
    const StateHistory& outermost = found->second.front();
    if (outermost.observed) return false;
    return std::all_of(v.loads.begin(), v.loads.end(),
                       [&](const Value* load) { return is_inside(load->region, outermost.solve); });
  }

  // Handles that were made apart, and store in one run of one body.
  void aliases(const BoxedVariable& v) {
    std::unordered_map<const Op*, std::int64_t> first;
    bool twice = false;
    for (const Op* store : v.stores) {
      const Op* body = body_of(*store, v.box);
      if (body == nullptr) continue;
      const std::int64_t handle = store->attrs.get_or<std::int64_t>("handle", 0);
      twice = twice || first.emplace(body, handle).first->second != handle;
    }
    if (!twice) return;
    Finding f = about(v);
    f.code = FindingCode::AliasedSlots;
    found_.keep(std::move(f), {.number = number_of(v)});
  }

  void history(const BoxedVariable& v) {
    const auto found = histories_.find(v.box);
    // A cell with a policy is here for its type alone: it could not become a plain value.
    if (found == histories_.end() || v.box->op->attrs.has("policy")) return;
    for (auto h = found->second.rbegin(); h != found->second.rend(); ++h) {  // innermost first
      if (h->solve->primitive == &call_p || !(h->counts || h->feeds)) continue;
      Finding f = about(v, true);
      f.code = FindingCode::CountDependent;
      f.path = path_of(&h->solve->region());
      found_.keep(std::move(f), {.number = number_of(v)});
      return;
    }
  }

  void explicit_cell(const StateHistory& h) {
    if (h.solve->primitive == &call_p || !(h.counts || h.feeds)) return;
    Finding f;
    f.code = FindingCode::CountDependent;
    f.path = path_of(&h.solve->region());
    f.variable = h.arg->name;
    f.declared = h.solve->where;
    f.before = f.after = h.arg->type;
    found_.keep(std::move(f), {});
  }

  // A value that another loop or branch inside already changed, or a box, is that one's finding.
  bool comes_from_another(const Value* value) const {
    const auto loaded_from = [&](const BoxedVariable& v) {
      return v.changes() && std::find(v.loads.begin(), v.loads.end(), value) != v.loads.end();
    };
    if (std::any_of(inference_.boxes.begin(), inference_.boxes.end(), loaded_from)) return true;
    return is_unstable(value);
  }

  bool is_unstable(const Value* value) const {
    return std::any_of(inference_.carries.begin(), inference_.carries.end(),
                       [&](const UnstableCarry& c) { return c.loop->result(c.index) == value; });
  }

  // The finding of the box that a loop's or branch's result is stored in, if it is.
  const std::size_t* stored_in(const Value* result) const {
    for (const BoxedVariable& v : inference_.boxes) {
      const auto told = told_.find(v.box);
      const bool stores = std::any_of(v.stores.begin(), v.stores.end(), [&](const Op* store) {
        return store->operands[1] == result;
      });
      if (stores && told != told_.end()) return &told->second;
    }
    return nullptr;
  }

  void carry(const UnstableCarry& c) {
    const bool loop = is_loop(*c.loop);
    const Region& last = *c.loop->regions.back();
    if (comes_from_another(last.results[c.index])) return;
    Finding f;
    f.code = loop ? FindingCode::CarryChange : change(c.enters, c.leaves);
    f.path = path_of(&last);
    f.variable = c.loop->result(c.index)->name;
    if (f.variable.empty() && loop) f.variable = last.arg(c.index)->name;
    f.before = c.enters;
    f.after = c.leaves;
    f.declared = declared_at(*c.loop, c.index);
    if (!f.declared.known()) f.declared = begins_at(c);
    if (loop) {
      const SourceLine written = written_in_body(*c.loop, c.index);
      if (written.known()) {
        f.writes.push_back({written, c.leaves, false});
      } else {
        leaves(f, *c.loop, last.results[c.index], c.leaves);
      }
    } else {
      branches(f, c);
    }
    const MergedFindings::About about{.own = {c.loop->result(c.index)}};
    if (const std::size_t* told = stored_in(c.loop->result(c.index))) {
      return found_.join(*told, f, about);
    }
    found_.keep(std::move(f), about);
  }

  // The line of what a loop starts from, or of the branch.
  static SourceLine begins_at(const UnstableCarry& c) {
    const bool loop = is_loop(*c.loop);
    const Op* start = loop ? c.loop->operands[c.index]->op : nullptr;
    return start != nullptr ? start->where : c.loop->where;
  }

  static void leaves(Finding& f, const Op& op, const Value* value, const Type& type) {
    f.writes.push_back({value->op != nullptr ? value->op->where : op.where, type, false});
  }

  // A branch that leaves the variable alone keeps its type from before: the other one changes it.
  // Where no line is known, or nothing is assigned, the lines of the results stand for the stores.
  static void branches(Finding& f, const UnstableCarry& c) {
    const Value* left[] = {c.loop->region(0).results[c.index], c.loop->region(1).results[c.index]};
    const SourceLine lines[] = {written_at(*c.loop, c.index, 0), written_at(*c.loop, c.index, 1)};
    const bool located = lines[0].known() || lines[1].known();
    if (const auto before = entered_as(*c.loop, c.index)) {
      f.before = *before;
      f.after = left[identical(left[0]->type, f.before) ? 1 : 0]->type;
      f.code = change(f.before, f.after);
    }
    for (std::size_t b = 0; b < 2; ++b) {
      if (lines[b].known()) f.writes.push_back({lines[b], left[b]->type, false});
      if (!located && left[b]->op != nullptr) leaves(f, *c.loop, left[b], left[b]->type);
    }
  }

  static std::int64_t number_of(const BoxedVariable& v) {
    return v.box->op->attrs.get_or<std::int64_t>("variable", -1);
  }

  const Inference& inference_;
  bool unfinished_;
  std::unordered_map<const Value*, std::vector<StateHistory>> histories_;  // by box
  std::vector<StateHistory> explicit_;                                     // of a solve's own cells
  MergedFindings found_;
  std::unordered_map<const Value*, std::size_t> told_;  // the finding of each box, by its place
};

}  // namespace

std::vector<Finding> check_stability(const Graph& graph, const Inference& inference,
                                     bool unfinished) {
  return Findings(graph, inference, unfinished).all();
}

void require_stable(std::span<const Finding> findings) {
  if (!stable(findings)) throw Unstable({findings.begin(), findings.end()});
}

}  // namespace nodec
