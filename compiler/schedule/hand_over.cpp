// Where arenas are in shared memory, a chunk's slots are its member's, and whoever folds them sees
// only what has been copied out. The team has met since they were last added to, so the copy is
// made before that meeting: the last one on each way to the fold. Earlier ones would copy sums that
// are still added to, later ones have nothing to wait for.
//
// A loop's body is walked twice, as for meetings. A function of the team is walked once, and its
// callers know which slots it folds before it meets, and the meetings it may end with.
#include "compiler/schedule/hand_over.h"

#include <set>

#include "compiler/schedule/loop_walks.h"
#include "ir/plan_visit.h"

namespace nodec::plan {
namespace {

// Nodes before which the team met last, on some way; kNone: not yet.
using Last = std::set<int>;
constexpr int kNone = -1;

class HandingOver {
 public:
  HandingOver(const Plan& plan, const Schedule& how) : plan_(plan), how_(how) {}

  std::map<int, std::vector<int>> run() {
    for (const Function& f : plan_.functions) {
      Last last{kNone};
      folded_first_.clear();
      if (f.team) walk(f.body, last);
      functions_.push_back({std::move(folded_first_), std::move(last)});
    }
    Last last{kNone};
    walk(plan_.body, last);
    std::map<int, std::vector<int>> all;
    for (const auto& [number, slots] : found_) all[number].assign(slots.begin(), slots.end());
    return all;
  }

 private:
  struct Summary {
    std::set<int> folded_first;  // slots, with no meeting before
    Last last;
  };

  void folds(int slots, const Last& last) {
    if (how_.places[std::size_t(slots)].kind != Place::Kind::Chunk) return;
    for (const int number : last) {
      (number == kNone ? folded_first_ : found_[number]).insert(slots);
    }
  }

  void walk(const Nodes& nodes, Last& last) {
    for (const Node& node : nodes) {
      if (how_.meetings.contains(node.number)) last = {node.number};
      walk(node, last);
    }
  }

  void walk(const Node& node, Last& last) {
    if (const FoldSlots* fold = std::get_if<FoldSlots>(&node.what)) {
      folds(fold->slots, last);
    } else if (const Call* call = std::get_if<Call>(&node.what)) {
      const Summary& f = functions_[std::size_t(call->function)];
      for (const int slots : f.folded_first) folds(slots, last);
      Last behind = f.last;
      if (behind.erase(kNone) > 0) behind.insert(last.begin(), last.end());
      last = std::move(behind);
    } else if (const While* loop = std::get_if<While>(&node.what)) {
      last = loops_(*loop, last, [&](const Last& entry) { return turns(*loop, entry); });
    } else if (const If* branch = std::get_if<If>(&node.what)) {
      Last other = last;
      walk(branch->then_body, last);
      walk(branch->else_body, other);
      last.insert(other.begin(), other.end());
    }
  }

  Last turns(const While& loop, const Last& entry) {
    Last last = entry;
    for (int turn = 0; turn < 2; ++turn) {
      walk(loop.test, last);
      walk(loop.body, last);
    }
    last.insert(entry.begin(), entry.end());
    walk(loop.test, last);
    return last;
  }

  const Plan& plan_;
  const Schedule& how_;
  LoopWalks<Last> loops_;
  std::map<int, std::set<int>> found_;
  std::set<int> folded_first_;  // by the function at hand
  std::vector<Summary> functions_;
};

}  // namespace

std::map<int, std::vector<int>> hand_over(const Plan& plan, const Schedule& how) {
  return HandingOver(plan, how).run();
}

}  // namespace nodec::plan
