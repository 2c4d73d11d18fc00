// Equal regions are found by their text.
#include "compiler/passes/share_calls.h"

#include <algorithm>
#include <map>
#include <string>

#include "ir/print.h"
#include "ir/rewrite.h"
#include "kernels/build.h"
#include "kernels/flow.h"

namespace nodec {
namespace {

// Whether a value of the op's surroundings can be handed to its regions as one more operand.
bool takes_captures(const Op& op) {
  return op.primitive == &while_p || op.primitive == &cond_p || op.primitive == &call_p;
}

bool holds_loop(const Region& region) {
  return std::any_of(region.ops.begin(), region.ops.end(), [](const auto& op) {
    return op->primitive == &while_p || makes_function(*op) ||
           std::any_of(op->regions.begin(), op->regions.end(),
                       [](const auto& nested) { return holds_loop(*nested); });
  });
}

// An expanded solve has some three hundred ops; a loop of the user's own has few, and where it is
// called it may join the work on samples around it.
constexpr std::size_t kLarge = 100;

// A function has one tape for each that it makes: it cannot give a new one to every caller.
bool yields_tape(const Region& region) {
  return std::any_of(region.results.begin(), region.results.end(),
                     [](const Value* v) { return v->type.kind() == Type::Kind::Tape; });
}

bool may_be_function(const Region& region) {
  return op_count(region) > kLarge && holds_loop(region) && !yields_tape(region);
}

class Sharing {
 public:
  explicit Sharing(Region& root) : root_(root) {}

  void run() {
    find(root_);
    for (const auto& [text, calls] : groups_) {
      if (calls.size() == 1) Sharing(calls.front()->region()).run();
    }
    std::erase_if(groups_, [](const auto& group) { return group.second.size() < 2; });
    for (const auto& [text, calls] : groups_) make_function(text, *calls.front());
    if (!groups_.empty()) replace(root_);
  }

 private:
  // Which tapes a call is given: a function works on the same ones wherever it is applied.
  std::string tapes_of(const Op& call) {
    std::string text;
    for (const Value* operand : call.operands) {
      if (operand->type.kind() != Type::Kind::Tape) continue;
      while (const Value* outside = captured(*operand)) operand = outside;
      const std::size_t number = tapes_.emplace(operand, tapes_.size()).first->second;
      text += fmt::format("\ntape {}", number);
    }
    return text;
  }

  void find(Region& region) {
    for (const auto& op : region.ops) {
      if (op->primitive == &call_p && may_be_function(op->region())) {
        std::string text = print(op->region()) + tapes_of(*op);
        groups_[text].push_back(op.get());
        texts_[op.get()] = std::move(text);
      } else if (takes_captures(*op)) {
        for (const auto& nested : op->regions) find(*nested);
      }
    }
  }

  void make_function(const std::string& text, const Op& call) {
    std::unique_ptr<Region> body = clone(call.region());
    share_calls(*body);
    Builder b(root_);
    b.at(call.where);
    Value* made = function(b, std::move(body), call.attrs.get_or<std::string>("name", ""));
    std::rotate(root_.ops.begin(), root_.ops.end() - 1, root_.ops.end());
    inside_[{&root_, text}] = made;
  }

  // The function as a value of `region`: itself, or an argument that every loop and branch between
  // hands on.
  Value* function_in(Region& region, const std::string& text) {
    if (const auto found = inside_.find({&region, text}); found != inside_.end()) {
      return found->second;
    }
    Op& holder = *region.parent;
    Value* outside = function_in(*holder.parent, text);
    holder.operands.push_back(outside);
    for (const auto& each : holder.regions) {
      inside_[{each.get(), text}] = each->add_arg(outside->type, outside->name);
    }
    return inside_.at({&region, text});
  }

  void replace(Region& region) {
    rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
      const auto found = texts_.find(&op);
      if (found != texts_.end() && groups_.contains(found->second)) {
        const Op& made = apply(b, function_in(region, found->second), op.operands);
        std::vector<Value*> results;
        for (const auto& result : made.results) results.push_back(result.get());
        return results;
      }
      if (takes_captures(op)) {
        for (const auto& nested : op.regions) replace(*nested);
      }
      return std::nullopt;
    });
  }

  Region& root_;
  std::map<std::string, std::vector<const Op*>> groups_;  // calls by the text of their region
  std::map<const Op*, std::string> texts_;
  std::map<std::pair<const Region*, std::string>, Value*> inside_;
  std::map<const Value*, std::size_t> tapes_;
};

}  // namespace

void share_calls(Region& region) {
  if (region.parent == nullptr || !takes_captures(*region.parent)) Sharing(region).run();
}

}  // namespace nodec
