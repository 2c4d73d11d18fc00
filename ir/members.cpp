// Lists are changed from the back, so that the places in front of a change stay what they were.
#include "ir/members.h"

#include <algorithm>

#include "ir/primitive.h"

namespace nodec {
namespace {

bool any(const Marks& marks) { return std::find(marks.begin(), marks.end(), true) != marks.end(); }

void renumber(std::vector<std::unique_ptr<Value>>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i]->index = int(i);
}

// Marks of a whole list from those of the groups in it, `first` being each one's place there.
template <class First>
Marks marks_of(std::size_t size, const std::vector<Group>& groups, const std::vector<Marks>& gone,
               const First& first) {
  Marks all(size, false);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const int start = first(groups[g]);
    for (std::size_t i = 0; start >= 0 && i < gone[g].size(); ++i) {
      if (gone[g][i]) all[std::size_t(start) + i] = true;
    }
  }
  return all;
}

template <class T>
void erase(std::vector<T>& items, const Marks& marks) {
  std::size_t i = 0;
  std::erase_if(items, [&](const T&) { return marks[i++]; });
}

// The numbers of those that stay, as they are counted then.
std::vector<std::int64_t> left_of(const std::vector<std::int64_t>& list, const Marks& gone) {
  std::vector<std::int64_t> left;
  for (const std::int64_t i : list) {
    if (gone[std::size_t(i)]) continue;
    left.push_back(std::count(gone.begin(), gone.begin() + i, false));
  }
  return left;
}

void change_attributes(Op& op, const Group& group, const Marks& gone) {
  if (!group.count.empty() && any(gone)) {
    op.attrs.set(group.count, std::int64_t(std::count(gone.begin(), gone.end(), false)));
  }
  for (const std::string_view name : group.lists) {
    if (!op.attrs.has(name) || !any(gone)) continue;
    op.attrs.set(name, left_of(op.attrs.get<std::vector<std::int64_t>>(name), gone));
  }
}

template <class T>
void move_to(std::vector<T>& items, std::size_t from, std::size_t to) {
  std::rotate(items.begin() + std::ptrdiff_t(from), items.begin() + std::ptrdiff_t(from) + 1,
              items.begin() + std::ptrdiff_t(to));
}

}  // namespace

Value* insert_argument(Region& region, std::size_t place, Type type, std::string name) {
  Value* made = region.add_arg(std::move(type), std::move(name));
  std::rotate(region.args.begin() + std::ptrdiff_t(place), region.args.end() - 1,
              region.args.end());
  renumber(region.args);
  return made;
}

std::unique_ptr<Value> take_argument(Region& region, std::size_t place) {
  std::unique_ptr<Value> taken = std::move(region.args[place]);
  region.args.erase(region.args.begin() + std::ptrdiff_t(place));
  renumber(region.args);
  return taken;
}

void drop_members(Op& op, const std::vector<Group>& groups, const std::vector<Marks>& gone,
                  bool without_tape) {
  for (std::size_t g = 0; g < groups.size(); ++g) change_attributes(op, groups[g], gone[g]);
  erase(op.operands, marks_of(op.operands.size(), groups, gone,
                              [](const Group& group) { return group.operand; }));
  Marks results = marks_of(op.results.size(), groups, gone, [](const Group& group) {
    return group.role == Role::Residual ? -1 : group.result;
  });
  if (without_tape) results.back() = true;
  erase(op.results, results);
  renumber(op.results);
  for (std::size_t r = 0; r < op.regions.size(); ++r) {
    Region& region = op.region(r);
    const auto place = [&](const Group& group) {
      return r < group.regions.size() ? group.regions[r] : Group::Place();
    };
    erase(region.args, marks_of(region.args.size(), groups, gone,
                                [&](const Group& group) { return place(group).argument; }));
    erase(region.results, marks_of(region.results.size(), groups, gone,
                                   [&](const Group& group) { return place(group).result; }));
    renumber(region.args);
  }
}

std::vector<std::unique_ptr<Value>> make_captures(Op& op, const Group& group, const Marks& marked) {
  std::vector<std::unique_ptr<Value>> dropped;
  for (std::size_t i = 0, moved = 0; i < marked.size(); ++i) {
    if (!marked[i]) continue;
    // Those in front of it that have moved already are no longer in its way.
    const std::size_t at = i - moved++;
    move_to(op.operands, std::size_t(group.operand) + at, op.operands.size());
    for (std::size_t r = 0; r < op.regions.size(); ++r) {
      Region& region = op.region(r);
      const auto [argument, result] = group.regions[r];
      if (argument >= 0) move_to(region.args, std::size_t(argument) + at, region.args.size());
      if (result >= 0) region.results.erase(region.results.begin() + result + std::ptrdiff_t(at));
    }
    const auto own = op.results.begin() + group.result + std::ptrdiff_t(at);
    dropped.push_back(std::move(*own));
    op.results.erase(own);
  }
  for (const auto& region : op.regions) renumber(region->args);
  renumber(op.results);
  change_attributes(op, group, marked);
  return dropped;
}

}  // namespace nodec
