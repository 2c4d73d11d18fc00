// The plan's text is the order of the team's work on tensors without a batch:
//   w' = sub w, step -> sub#3               the one kernel that makes the new value
//   ...                                     reads sub#3, and w no more
//   copy sub#3 -> w#1(output, over w)
// The kernel itself may read the input element by element: what it writes to an element comes after
// everything it reads of it. A kernel that reads other elements may not, since threads and lanes
// write some before others are read.
#include "compiler/lower/outputs_in_place.h"

#include <algorithm>
#include <optional>

#include "compiler/lower/in_place.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

class OutputsInPlace {
 public:
  explicit OutputsInPlace(Plan& plan) : plan_(plan) {}

  void run() {
    note_rows(plan_.body);
    for (std::size_t at = plan_.body.size(); at-- > 0;) {
      const std::optional<Copy> copy = copy_in(plan_.body[at]);
      if (!copy || !may_be_written_early(*copy, at)) continue;
      plan_.body.erase(plan_.body.begin() + std::ptrdiff_t(at));
      rename(plan_.body, copy->from, copy->to);
      for (Function& f : plan_.functions) rename(f.body, copy->from, copy->to);
    }
  }

 private:
  struct Copy {
    int from, to, over;
  };

  const Buffer& buffer(int id) const { return plan_.buffers[std::size_t(id)]; }

  // A whole value of the team's, copied to an output that overwrites an input.
  std::optional<Copy> copy_in(const Node& node) const {
    const DenseKernel* kernel = std::get_if<DenseKernel>(&node.what);
    const DenseMap* map = kernel ? std::get_if<DenseMap>(kernel) : nullptr;
    if (!map || map->computes.size() != 1) return std::nullopt;
    const Compute& only = map->computes.front();
    const Ref* from = only.op ? nullptr : std::get_if<Ref>(&only.operands[0]);
    if (!from || !only.to || !same_elements(*from, *only.to) || from->buffer < 0) return {};
    const Buffer &made = buffer(from->buffer), &port = buffer(only.to->buffer);
    if (port.space != Buffer::Space::Output || made.space != Buffer::Space::Dense ||
        made.dtype != port.dtype || made.count != port.count) {
      return std::nullopt;
    }
    const auto output = std::size_t(port.index) - plan_.signature.inputs.size();
    const int input = plan_.signature.outputs[output].alias;
    if (input < 0) return std::nullopt;
    return Copy{from->buffer, only.to->buffer, input};  // inputs are buffers 0, 1, ... in order
  }

  bool may_be_written_early(const Copy& copy, std::size_t at) const {
    if (rows_.contains(copy.from)) return false;
    std::optional<std::size_t> maker;
    for (std::size_t i = 0; i < at; ++i) {
      if (!writes(plan_.body[i], copy.from)) continue;
      if (maker) return false;
      maker = i;
    }
    if (!maker || !may_write(plan_.body[*maker], copy)) return false;
    return std::none_of(plan_.body.begin() + std::ptrdiff_t(*maker) + 1, plan_.body.end(),
                        [&](const Node& node) {
                          return reads(node, copy.over) || may_stop(node) ||
                                 (&node != &plan_.body[at] && writes(node, copy.to));
                        });
  }

  bool may_write(const Node& node, const Copy& copy) const {
    const DenseKernel* kernel = std::get_if<DenseKernel>(&node.what);
    if (!kernel) return false;
    const DenseMap* map = std::get_if<DenseMap>(kernel);
    return map ? writes_after_reads(map->computes, copy.from, copy.over) : !reads(node, copy.over);
  }

  // With all inside of it, and the functions it runs.
  template <class Holds>
  bool any(const Node& node, const Holds& holds) const {
    if (holds(node)) return true;
    const auto in_list = [&](const Nodes& list) {
      return std::any_of(list.begin(), list.end(), [&](const Node& n) { return any(n, holds); });
    };
    const auto in_function = [&](int f) { return in_list(plan_.functions[std::size_t(f)].body); };
    const Call* call = std::get_if<Call>(&node.what);
    if (call && in_function(call->function)) return true;
    const Tiles* tiles = std::get_if<Tiles>(&node.what);
    for (std::size_t i = 0; tiles && i < tiles->kernels.size(); ++i) {
      const Invoke* invoke = std::get_if<Invoke>(&tiles->kernels[i]);
      if (invoke && in_function(invoke->function)) return true;
    }
    const auto lists = inside(node);
    return std::any_of(lists.begin(), lists.end(),
                       [&](const Nodes* list) { return in_list(*list); });
  }
  bool reads(const Node& node, int id) const {
    return any(node, [id](const Node& n) { return uses_of(n).read.contains(id); });
  }
  bool writes(const Node& node, int id) const {
    return any(node, [id](const Node& n) { return uses_of(n).written.contains(id); });
  }
  bool may_stop(const Node& node) const {
    return any(node, [](const Node& n) {
      return std::holds_alternative<FailIf>(n.what) || std::holds_alternative<TapeFrame>(n.what);
    });
  }

  void note_rows(const Nodes& nodes) {
    ConstAccess a;
    a.read_buffer = a.write_buffer = [&](int id) { rows_.insert(id); };
    for (const Node& node : nodes) {
      visit(node, a);
      for (const Nodes* list : inside(node)) note_rows(*list);
    }
  }

  void rename(Nodes& nodes, int from, int to) {
    const auto follow = [&](Ref& r) {
      if (r.buffer == from) r.buffer = to;
    };
    Access a;
    a.read = a.write = follow;
    for (Node& node : nodes) {
      visit(node, a);
      for (Nodes* list : inside(node)) rename(*list, from, to);
    }
  }

  Plan& plan_;
  std::set<int> rows_;  // named by kernels as they are, not by their elements
};

}  // namespace

void make_outputs_in_place(Plan& plan) { OutputsInPlace(plan).run(); }

}  // namespace nodec::lowering
