// The nodes are walked from the end. Whatever a loop that holds a write to a tape writes itself may
// come before a later turn's.
#include "compiler/lower/outputs_behind_tapes.h"

#include <algorithm>
#include <set>

#include "ir/plan_visit.h"

namespace nodec::lowering {

using namespace plan;

namespace {

class Early {
 public:
  explicit Early(const Plan& plan) : plan_(plan) {}

  // Outputs, as buffers, that stand in an input's place and are written too early.
  std::set<int> run() {
    bool tape_follows = false;
    walk(plan_.body, tape_follows);
    return std::move(early_);
  }

 private:
  bool writes_tape(const Nodes& nodes) const {
    return std::any_of(nodes.begin(), nodes.end(), [&](const Node& n) { return writes_tape(n); });
  }
  bool writes_tape(const Node& node) const {
    const TapeFrame* frame = std::get_if<TapeFrame>(&node.what);
    if (frame && frame->writes) return true;
    const Call* call = std::get_if<Call>(&node.what);
    if (call) return writes_tape(plan_.functions[std::size_t(call->function)].body);
    const auto lists = inside(node);
    return std::any_of(lists.begin(), lists.end(),
                       [&](const Nodes* list) { return writes_tape(*list); });
  }

  void walk(const Nodes& nodes, bool& tape_follows) {
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      const bool here = writes_tape(*node);
      bool inside_follows = tape_follows || (here && std::holds_alternative<While>(node->what));
      for (const Nodes* list : inside(*node)) {
        bool follows = inside_follows;
        walk(*list, follows);
      }
      if (tape_follows) {
        note(*node);
      }
      tape_follows = tape_follows || here;
    }
  }

  // A call writes what its function does.
  void note(const Node& node) {
    for (const int id : uses_of(node).written) note(id);
    const auto callee = [&](int function) { note(plan_.functions[std::size_t(function)].body); };
    if (const Call* call = std::get_if<Call>(&node.what)) callee(call->function);
    const Tiles* tiles = std::get_if<Tiles>(&node.what);
    for (std::size_t i = 0; tiles && i < tiles->kernels.size(); ++i) {
      if (const Invoke* call = std::get_if<Invoke>(&tiles->kernels[i])) callee(call->function);
    }
  }
  void note(const Nodes& nodes) {
    for (const Node& node : nodes) {
      note(node);
      for (const Nodes* list : inside(node)) note(*list);
    }
  }

  void note(int id) {
    if (plan_.array_of(id) != id) early_.insert(id);
  }

  const Plan& plan_;
  std::set<int> early_;
};

struct Numbers {
  int node = 0, kernel = 0;
};

void count(const Nodes& nodes, Numbers& next) {
  for (const Node& node : nodes) {
    next.node = std::max(next.node, node.number + 1);
    const Tiles* tiles = std::get_if<Tiles>(&node.what);
    const int kernels = tiles ? int(tiles->kernels.size()) : 1;
    if (node.kernel >= 0) next.kernel = std::max(next.kernel, node.kernel + kernels);
    for (const Nodes* list : inside(node)) count(*list, next);
  }
}

}  // namespace

void put_outputs_behind_tapes(Plan& plan) {
  Numbers next;
  for (const Function& f : plan.functions) count(f.body, next);
  count(plan.body, next);
  for (const int id : Early(plan).run()) {
    const int port = int(plan.buffers.size());
    plan.buffers.push_back(plan.buffer(id));
    Buffer& made = plan.buffer(id);
    made.space = Buffer::Space::Dense;
    made.index = -1;
    DenseMap copy;
    copy.extents = {made.count};
    copy.computes.push_back({nullptr, {Ref{id, -1, {1}, 0}}, Ref{port, -1, {1}, 0}});
    plan.body.push_back({DenseKernel(std::move(copy)), next.node++, next.kernel++});
  }
}

}  // namespace nodec::lowering
