// The plan's text is the order of the team's work on tensors without a batch:
//   w' = sub w, step -> sub#3               the one kernel that makes the new value
//   ...                                     reads sub#3, and w no more
//   copy sub#3 -> w#1(output, over w)
// The kernel itself may read the input element by element: what it writes to an element comes after
// everything it reads of it. A kernel that reads other elements may not, since threads and lanes
// write some before others are read.
#include "compiler/lower/outputs_in_place.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "ir/plan_in_place.h"
#include "ir/plan_visit.h"

namespace nodec::lowering {
namespace {

using namespace plan;

class OutputsInPlace {
 public:
  explicit OutputsInPlace(Plan& plan) : plan_(plan) {}

  void run() {
    for (std::size_t at = 0; at < plan_.body.size(); ++at) note(plan_.body[at], at);
    std::set<std::size_t> gone;
    for (std::size_t at = plan_.body.size(); at-- > 0;) {
      const std::optional<Copy> copy = copy_in(plan_.body[at]);
      if (!copy || !may_be_written_early(*copy, at)) continue;
      gone.insert(at);
      renamed_[copy->from] = copy->to;
    }
    std::size_t at = 0;
    std::erase_if(plan_.body, [&](const Node&) { return gone.contains(at++); });
    rename(plan_.body);
    for (Function& f : plan_.functions) rename(f.body);
  }

 private:
  struct Copy {
    int from, to, over;
  };

  // A whole value of the team's, copied to an output that overwrites an input.
  std::optional<Copy> copy_in(const Node& node) const {
    const DenseKernel* kernel = std::get_if<DenseKernel>(&node.what);
    const DenseMap* map = kernel ? std::get_if<DenseMap>(kernel) : nullptr;
    if (!map || map->computes.size() != 1) return std::nullopt;
    const Compute& only = map->computes.front();
    const Ref* from = only.op ? nullptr : std::get_if<Ref>(&only.operands[0]);
    if (!from || !only.to || !same_elements(*from, *only.to) || from->buffer < 0) return {};
    const Buffer &made = plan_.buffer(from->buffer), &port = plan_.buffer(only.to->buffer);
    if (port.space != Buffer::Space::Output || made.space != Buffer::Space::Dense ||
        made.dtype != port.dtype || made.count != port.count) {
      return std::nullopt;
    }
    const int input = plan_.array_of(only.to->buffer);
    if (input == only.to->buffer) return std::nullopt;
    return Copy{from->buffer, only.to->buffer, input};
  }

  bool may_be_written_early(const Copy& copy, std::size_t at) const {
    if (rows_.contains(copy.from) || renamed_.contains(copy.from)) return false;
    const auto makers = makers_.find(copy.from);
    if (makers == makers_.end() || makers->second.size() > 1) return false;
    const std::size_t maker = *makers->second.begin();
    if (maker >= at || last_stop_ > maker) return false;
    const auto read = last_read_.find(copy.over);
    return (read == last_read_.end() || read->second <= maker) &&
           may_write(plan_.body[maker], copy, read != last_read_.end() && read->second == maker);
  }

  bool may_write(const Node& node, const Copy& copy, bool reads_input) const {
    const DenseKernel* kernel = std::get_if<DenseKernel>(&node.what);
    if (!kernel) return false;
    const DenseMap* map = std::get_if<DenseMap>(kernel);
    return map ? writes_after_reads(map->computes, copy.from, copy.over) : !reads_input;
  }

  // What node `at` of the program touches, with all inside of it and the functions it runs.
  void note(const Node& node, std::size_t at) {
    const Uses uses = uses_of(node);
    for (const int id : uses.read) last_read_[id] = at;
    for (const int id : uses.written) makers_[id].insert(at);
    ConstAccess rows;
    rows.read_buffer = rows.write_buffer = [&](int id) { rows_.insert(id); };
    visit(node, rows);
    if (std::holds_alternative<FailIf>(node.what) || std::holds_alternative<TapeFrame>(node.what)) {
      last_stop_ = at;
    }
    for (const Nodes* list : inside(node)) note(*list, at);
    if (const Call* call = std::get_if<Call>(&node.what)) note_function(call->function, at);
    const Tiles* tiles = std::get_if<Tiles>(&node.what);
    for (std::size_t i = 0; tiles && i < tiles->kernels.size(); ++i) {
      const Invoke* invoke = std::get_if<Invoke>(&tiles->kernels[i]);
      if (invoke) note_function(invoke->function, at);
    }
  }
  void note(const Nodes& nodes, std::size_t at) {
    for (const Node& node : nodes) note(node, at);
  }
  void note_function(int function, std::size_t at) {
    if (noted_.insert({function, at}).second) {
      note(plan_.functions[std::size_t(function)].body, at);
    }
  }

  void rename(Nodes& nodes) {
    Access a;
    a.read = a.write = [&](Ref& r) {
      const auto found = renamed_.find(r.buffer);
      if (found != renamed_.end()) r.buffer = found->second;
    };
    for (Node& node : nodes) {
      visit(node, a);
      for (Nodes* list : inside(node)) rename(*list);
    }
  }

  Plan& plan_;
  // Nodes of the program by their place in its text.
  std::map<int, std::set<std::size_t>> makers_;  // of each buffer
  std::map<int, std::size_t> last_read_;
  std::size_t last_stop_ = 0;
  std::set<std::pair<int, std::size_t>> noted_;  // functions, by the node that runs them
  std::set<int> rows_;  // named by kernels as they are, not by their elements
  std::map<int, int> renamed_;
};

}  // namespace

void make_outputs_in_place(Plan& plan) { OutputsInPlace(plan).run(); }

}  // namespace nodec::lowering
