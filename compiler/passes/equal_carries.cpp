// Classes of carries, and numbers of the body's values that are equal if these are.
#include "compiler/passes/equal_carries.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "ir/primitive.h"
#include "ir/same.h"

namespace nodec {
namespace {

// Carries that differ by what they were some turns ago are told apart one turn a round. After so
// many rounds none is taken for another: a loop is not read more often than that.
constexpr int kRounds = 32;

class EqualValues {
 public:
  explicit EqualValues(const Region& body) : body_(body) {}

  // By the classes of the arguments from `first` on.
  void begin(std::size_t first, const std::vector<std::size_t>& classes) {
    next_ = body_.args.size();
    for (std::size_t i = 0; i < body_.args.size(); ++i) number_[body_.arg(i)] = i;
    for (std::size_t i = 0; i < classes.size(); ++i)
      number_[body_.arg(first + i)] = first + classes[i];
    seen_.clear();
    for (const auto& op : body_.ops) add(*op);
  }
  std::size_t of(const Value* v) const { return number_.at(v); }

 private:
  void add(const Op& op) {
    const Op* same =
        op.regions.empty() && op.primitive->form != Form::State && op.primitive->form != Form::Tape
            ? earlier(op)
            : nullptr;
    for (std::size_t i = 0; i < op.results.size(); ++i) {
      number_[op.result(i)] = same ? of(same->result(i)) : next_++;
    }
  }

  const Op* earlier(const Op& op) {
    std::size_t key = hash(op);
    for (const Value* x : op.operands) key = mix(key, of(x));
    const auto [first, last] = seen_.equal_range(key);
    for (auto each = first; each != last; ++each) {
      const auto equal = [&](const Value* a, const Value* b) { return of(a) == of(b); };
      if (same_op(*each->second, op) &&
          std::ranges::equal(each->second->operands, op.operands, equal)) {
        return each->second;
      }
    }
    seen_.emplace(key, &op);
    return nullptr;
  }

  const Region& body_;
  std::unordered_map<const Value*, std::size_t> number_;
  std::unordered_multimap<std::size_t, const Op*> seen_;
  std::size_t next_ = 0;
};

// For each key the first place that has it.
template <class Key>
std::vector<std::size_t> firsts(const std::vector<Key>& keys) {
  std::map<Key, std::size_t> first;
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < keys.size(); ++i)
    all.push_back(first.emplace(keys[i], i).first->second);
  return all;
}

}  // namespace

std::vector<std::size_t> equal_carries(const Op& loop, const Group& carries) {
  std::size_t r = 0;
  while (carries.regions.at(r).result < 0) ++r;
  const Region& body = loop.region(r);
  const auto result = std::size_t(carries.regions[r].result);

  std::vector<std::size_t> itself(carries.size);
  std::iota(itself.begin(), itself.end(), std::size_t{0});
  const auto starts = loop.operands.begin() + carries.operand;
  std::vector<std::size_t> classes =
      firsts(std::vector<const Value*>(starts, starts + std::ptrdiff_t(carries.size)));
  EqualValues values(body);
  for (int round = 0; classes != itself; ++round) {
    if (round == kRounds) return itself;
    values.begin(std::size_t(carries.regions[r].argument), classes);
    std::vector<std::pair<std::size_t, std::size_t>> ends;
    for (std::size_t i = 0; i < carries.size; ++i) {
      ends.emplace_back(classes[i], values.of(body.results[result + i]));
    }
    const std::vector<std::size_t> split = firsts(ends);
    if (split == classes) break;
    classes = split;
  }
  return classes;
}

}  // namespace nodec
