// A tensor that small work makes in a frame is made beside it, and behind the last to write it
// stands what copies it on. Those who read the frame later find it there as before.
#include "compiler/lower/frame_copies.h"

#include <map>
#include <set>

#include "ir/plan_visit.h"
#include "ir/plan_work.h"

namespace nodec::lowering {
namespace {

using namespace plan;

class FrameCopies {
 public:
  explicit FrameCopies(Plan& plan) : plan_(plan) {}

  void run() {
    each_list([&](Nodes& nodes) { note(nodes); });
    for (const auto& [id, use] : uses_) {
      const Buffer& b = plan_.buffer(id);
      const bool small = !use.large && b.space == Buffer::Space::FrameDense;
      if (small && use.read && use.writers.size() == 1) copies_[id] = -1;
    }
    for (auto& [frame, copy] : copies_) copy = new_copy(frame);
    each_list([&](Nodes& nodes) { read_copies(nodes); });
  }

 private:
  struct Use {
    std::set<const Nodes*> writers;  // the lists that they are in
    bool large = false;              // written by other than small work
    bool read = false;
  };

  Plan& plan_;
  std::map<int, Use> uses_;
  std::map<int, int> copies_;  // by the frame's buffer

  void each_list(const std::function<void(Nodes&)>& f) {
    for (Function& function : plan_.functions) f(function.body);
    f(plan_.body);
  }

  void note(Nodes& nodes) {
    for (Node& node : nodes) {
      const DenseKernel* dense = std::get_if<DenseKernel>(&node.what);
      const bool small = dense && is_small(*dense);
      Access a;
      a.read_buffer = [&](int b) { uses_[b].read = true; };
      a.write_buffer = [&](int b) {
        uses_[b].writers.insert(&nodes);
        uses_[b].large = uses_[b].large || !small;
      };
      a.read = [&](Ref& r) {
        if (r.buffer >= 0) a.read_buffer(r.buffer);
      };
      a.write = [&](Ref& r) { a.write_buffer(r.buffer); };
      visit(node, a);
      for (Nodes* list : inside(node)) note(*list);
    }
  }

  int new_copy(int frame) {
    Buffer b;
    b.name = plan_.buffer(frame).name;
    b.space = Buffer::Space::Dense;
    b.dtype = plan_.buffer(frame).dtype;
    b.count = plan_.buffer(frame).count;
    plan_.buffers.push_back(std::move(b));
    return int(plan_.buffers.size()) - 1;
  }

  void read_copies(Nodes& nodes) {
    std::map<int, std::size_t> last;  // node that writes it, by the frame's buffer
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto to_copy = [&](Ref& r) {
        const auto found = copies_.find(r.buffer);
        if (found == copies_.end()) return false;
        r.buffer = found->second;
        return true;
      };
      Access a;
      a.read = [&](Ref& r) { to_copy(r); };
      a.write = [&](Ref& r) {
        const int frame = r.buffer;
        if (to_copy(r)) last[frame] = i;
      };
      visit(nodes[i], a);
      for (Nodes* list : inside(nodes[i])) read_copies(*list);
    }
    Nodes walked;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      walked.push_back(std::move(nodes[i]));
      for (const auto& [frame, at] : last) {
        if (at == i) walked.push_back({DenseKernel{copy_on(frame)}});
      }
    }
    nodes = std::move(walked);
  }

  DenseMap copy_on(int frame) {
    return {{plan_.buffer(frame).count},
            {{nullptr, {Ref{copies_.at(frame), -1, {1}, 0}}, Ref{frame, -1, {1}, 0}}}};
  }
};

}  // namespace

void copy_small_parts(Plan& plan) { FrameCopies(plan).run(); }

}  // namespace nodec::lowering
