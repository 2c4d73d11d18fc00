// Graphs: attributes, and copying ops without losing owner pointers.
#include "ir/graph.h"

#include <algorithm>
#include <cstring>

#include "ir/primitive.h"

namespace nodec {
namespace {

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

bool same(const Attr& a, const Attr& b) {
  if (a.index() != b.index()) return false;
  if (const double* x = std::get_if<double>(&a)) return same_bits(*x, std::get<double>(b));
  if (const auto* x = std::get_if<std::vector<double>>(&a)) {
    const auto& y = std::get<std::vector<double>>(b);
    return std::equal(x->begin(), x->end(), y.begin(), y.end(), same_bits);
  }
  return a == b;
}

}  // namespace

Attrs::Attrs(std::initializer_list<std::pair<std::string, Attr>> items) {
  for (const auto& [name, value] : items) set(name, value);
}

Attrs& Attrs::set(std::string_view name, Attr value) {
  const auto at = std::lower_bound(items_.begin(), items_.end(), name,
                                   [](const auto& item, auto key) { return item.first < key; });
  if (at != items_.end() && at->first == name) {
    at->second = std::move(value);
  } else {
    items_.emplace(at, std::string(name), std::move(value));
  }
  return *this;
}

const Attr* Attrs::find(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return &value;
  }
  return nullptr;
}

namespace {

std::string_view kind_name(std::size_t alternative) {
  constexpr std::string_view names[] = {"a bool",          "an integer", "a real",
                                        "a string",        "a dtype",    "a list of integers",
                                        "a list of reals", "a shape"};
  static_assert(std::size(names) == std::variant_size_v<Attr>);
  return names[alternative];
}

}  // namespace

template <class T>
const T& Attrs::get(std::string_view name) const {
  const Attr* found = find(name);
  if (found && std::holds_alternative<T>(*found)) return std::get<T>(*found);
  const std::string_view wanted = kind_name(Attr(T{}).index());
  if (!found) throw Error(fmt::format("attribute '{}' is missing, wanted {}", name, wanted));
  throw Error(
      fmt::format("attribute '{}' is {}, wanted {}", name, kind_name(found->index()), wanted));
}

template const bool& Attrs::get(std::string_view) const;
template const std::int64_t& Attrs::get(std::string_view) const;
template const double& Attrs::get(std::string_view) const;
template const std::string& Attrs::get(std::string_view) const;
template const Dtype& Attrs::get(std::string_view) const;
template const std::vector<std::int64_t>& Attrs::get(std::string_view) const;
template const std::vector<double>& Attrs::get(std::string_view) const;
template const Shape& Attrs::get(std::string_view) const;

void Attrs::erase(std::string_view name) {
  std::erase_if(items_, [&](const auto& item) { return item.first == name; });
}

bool Attrs::operator==(const Attrs& other) const {
  return std::equal(
      items_.begin(), items_.end(), other.items_.begin(), other.items_.end(),
      [](const auto& a, const auto& b) { return a.first == b.first && same(a.second, b.second); });
}

std::string_view Op::name() const { return primitive->name; }

std::vector<Value*> Op::all_results() const {
  std::vector<Value*> all;
  for (const auto& result : results) all.push_back(result.get());
  return all;
}

Value* Region::add_arg(Type type, std::string name) {
  auto value = std::make_unique<Value>();
  value->type = std::move(type);
  value->name = std::move(name);
  value->region = this;
  value->index = int(args.size());
  args.push_back(std::move(value));
  return args.back().get();
}

namespace {

Value* mapped(const Value* value, const ValueMap& map) {
  const auto found = map.find(value);
  NODEC_CHECK(found != map.end(), "a copied region uses a value '{}' that it does not define",
              value->name);
  return found->second;
}

void copy_into(const Region& from, Region& to) {
  ValueMap map;
  for (const auto& arg : from.args) map[arg.get()] = to.add_arg(arg->type, arg->name);
  to.results = copy_ops(from, to, map);
}

}  // namespace

Op& copy_op(const Op& from, Region& to, ValueMap& map) {
  auto op = std::make_unique<Op>();
  op->primitive = from.primitive;
  for (const Value* operand : from.operands) op->operands.push_back(mapped(operand, map));
  op->attrs = from.attrs;
  for (const auto& region : from.regions) {
    op->regions.push_back(clone(*region));
    op->regions.back()->parent = op.get();
  }
  for (const auto& result : from.results) {
    op->results.push_back(std::make_unique<Value>(*result));
    op->results.back()->op = op.get();
    op->results.back()->region = &to;
    map[result.get()] = op->results.back().get();
  }
  op->where = from.where;
  op->parent = &to;
  to.ops.push_back(std::move(op));
  return *to.ops.back();
}

std::vector<Value*> copy_ops(const Region& from, Region& to, ValueMap& map) {
  NODEC_CHECK(&from != &to, "a region is copied into itself");
  for (const auto& op : from.ops) copy_op(*op, to, map);
  std::vector<Value*> results;
  for (const Value* result : from.results) results.push_back(mapped(result, map));
  return results;
}

std::unique_ptr<Region> clone(const Region& region) {
  auto copy = std::make_unique<Region>();
  copy_into(region, *copy);
  return copy;
}

std::unique_ptr<Graph> clone(const Graph& graph) {
  auto copy = std::make_unique<Graph>();
  copy->name = graph.name;
  copy->batch = graph.batch;
  copy_into(graph.body, copy->body);
  copy->result_names = graph.result_names;
  copy->aliases = graph.aliases;
  return copy;
}

Values joined(std::span<Value* const> first, std::span<Value* const> second) {
  Values both(first.begin(), first.end());
  both.insert(both.end(), second.begin(), second.end());
  return both;
}

void replace_uses(Region& region, const Value* from, Value* to) {
  NODEC_CHECK(to->region == &region, "the replacement '{}' lives in another region", to->name);
  for (const auto& op : region.ops) {
    std::replace(op->operands.begin(), op->operands.end(), const_cast<Value*>(from), to);
  }
  std::replace(region.results.begin(), region.results.end(), const_cast<Value*>(from), to);
}

std::size_t op_count(const Region& region) {
  std::size_t count = region.ops.size();
  for (const auto& op : region.ops) {
    for (const auto& nested : op->regions) count += op_count(*nested);
  }
  return count;
}

}  // namespace nodec
