// Every value becomes the numbers of its elements, row-major; a tape one of longer frames. Inputs
// are read where an element is first asked for, and results are put together last.
#include "compiler/passes/scalarize.h"

#include <algorithm>
#include <map>

#include "compiler/passes/element_rules.h"
#include "compiler/passes/simplify.h"
#include "kernels/build.h"
#include "kernels/rules.h"

namespace nodec {
namespace {

constexpr std::int64_t kMostElements = 16;

bool is_small(const Type& type) {
  if (!type.is_tensor()) {
    const bool known = type.kind() == Type::Kind::Tape || type.kind() == Type::Kind::Function ||
                       type.kind() == Type::Kind::Tuple;
    return known && std::all_of(type.elements().begin(), type.elements().end(), is_small);
  }
  const auto count = fixed_count(type);
  return count && *count <= kMostElements && type.device() == kHost;
}

// The same op, of numbers.
bool keeps_its_kind(const Op& op) {
  const Form form = op.primitive->form;
  return form == Form::Tape || form == Form::Effect || form == Form::Control;
}

bool all_small(const Region& region, bool inputs) {
  const auto small = [](const auto& v) { return is_small(v->type); };
  if (inputs && !std::all_of(region.args.begin(), region.args.end(), small)) return false;
  return std::all_of(region.ops.begin(), region.ops.end(), [&](const auto& op) {
    const auto inside = [](const auto& nested) { return all_small(*nested, true); };
    return (keeps_its_kind(*op) || has_elements(*op)) &&
           std::all_of(op->results.begin(), op->results.end(), small) &&
           std::all_of(op->regions.begin(), op->regions.end(), inside);
  });
}

// What types of numbers stand for one of a value.
std::vector<Type> numbers_of(const Type& type);

std::vector<Type> numbers_of(const std::vector<Type>& types) {
  std::vector<Type> all;
  for (const Type& type : types) {
    const std::vector<Type> numbers = numbers_of(type);
    all.insert(all.end(), numbers.begin(), numbers.end());
  }
  return all;
}

std::vector<Type> numbers_of(const Type& type) {
  if (type.kind() == Type::Kind::Tape) return {Type::tape(numbers_of(type.elements()))};
  if (type.kind() == Type::Kind::Function) {
    return {Type::function(numbers_of(type.elements()[0].elements()),
                           numbers_of(type.elements()[1].elements()))};
  }
  return std::vector<Type>(std::size_t(*fixed_count(type)), Type::scalar(type.dtype()));
}

class Scalarizer {
 public:
  // A region over numbers in place of one over tensors.
  std::unique_ptr<Region> nested(const Region& from) {
    auto to = std::make_unique<Region>();
    Scalarizer inside;
    for (const auto& arg : from.args) {
      Values& parts = inside.parts_[arg.get()];
      for (const Type& type : numbers_of(arg->type)) parts.push_back(to->add_arg(type, arg->name));
    }
    inside.ops(from, *to);
    to->results = inside.all_parts(from.results);
    return to;
  }

  void graph(Graph& graph) {
    Region from;
    std::swap(from.ops, graph.body.ops);
    from.results = std::move(graph.body.results);
    Builder b(graph.body);
    for (const auto& arg : graph.body.args) whole_[arg.get()] = arg.get();
    ops(from, graph.body);
    graph.body.results.clear();
    for (const Value* result : from.results) graph.body.results.push_back(whole(b, result));
  }

 private:
  void ops(const Region& from, Region& to) {
    Builder b(to);
    for (const auto& op : from.ops) {
      b.at(op->where);
      Values made = results_of(b, *op);
      std::size_t next = 0;
      for (const auto& result : op->results) {
        Values& parts = parts_[result.get()];
        for (std::size_t i = numbers_of(result->type).size(); i-- > 0;) {
          parts.push_back(made.at(next++));
          if (parts.back()->name.empty()) parts.back()->name = result->name;
        }
      }
    }
  }

  // The numbers of all results, one behind the other.
  Values results_of(Builder& b, const Op& op) {
    if (keeps_its_kind(op)) return same_op(b, op);
    std::vector<Elements> x;
    for (const Value* operand : op.operands) x.push_back(parts(b, operand));
    return elements_of(b, op, x);
  }

  Values same_op(Builder& b, const Op& op) {
    std::vector<std::unique_ptr<Region>> regions;
    for (const auto& region : op.regions) regions.push_back(nested(*region));
    Attrs attrs = op.attrs;
    if (attrs.has("carried")) {
      const auto carried = attrs.get<std::int64_t>("carried");
      const Values first(op.operands.begin(), op.operands.begin() + carried);
      attrs.set("carried", std::int64_t(numbers(b, first).size()));
    }
    Values operands = numbers(b, op.operands);
    const Op& made = b.op(*op.primitive, std::move(operands), std::move(attrs), std::move(regions));
    return made.all_results();
  }

  Values numbers(Builder& b, const Values& values) {
    Values all;
    for (const Value* v : values) {
      const Values& some = parts(b, v);
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  Values all_parts(const Values& values) {
    Values all;
    for (const Value* v : values) {
      const Values& some = parts_.at(v);
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }

  // Of an input, read where it is first asked for.
  const Values& parts(Builder& b, const Value* v) {
    const auto found = parts_.find(v);
    if (found != parts_.end()) return found->second;
    Value* tensor = whole_.at(v);
    Values& made = parts_[v];
    if (v->type.is_scalar()) {
      made.push_back(tensor);
      return made;
    }
    Value* flat = reshape(b, tensor, {*fixed_count(v->type)});
    for (std::int64_t i = 0; i < *fixed_count(v->type); ++i) {
      made.push_back(reshape(b, slice(b, flat, 0, i, 1), {}));
    }
    return made;
  }

  Value* whole(Builder& b, const Value* v) {
    const auto found = whole_.find(v);
    if (found != whole_.end()) return found->second;
    const Values& x = parts_.at(v);
    if (v->type.is_scalar()) return x.front();
    if (x.empty()) return whole_[v] = zeros(b, v->type);
    Values rows;
    for (Value* one : x) rows.push_back(reshape(b, one, {1}));
    Value* flat = rows.size() == 1 ? rows.front() : concat(b, std::move(rows), 0);
    return whole_[v] = reshape(b, flat, v->type.shape());
  }

  std::map<const Value*, Values> parts_;
  std::map<const Value*, Value*> whole_;  // of the program's inputs, and of its results
};

bool has_tensors(const Region& region) {
  return std::any_of(region.ops.begin(), region.ops.end(), [](const auto& op) {
    return std::any_of(op->results.begin(), op->results.end(),
                       [](const auto& v) { return v->type.is_tensor() && v->type.rank() > 0; }) ||
           std::any_of(op->regions.begin(), op->regions.end(),
                       [](const auto& nested) { return has_tensors(*nested); });
  });
}

}  // namespace

void scalarize(Graph& graph) {
  const auto known = [](const auto& arg) { return fixed_count(arg->type).has_value(); };
  const auto& args = graph.body.args;
  if (!std::all_of(args.begin(), args.end(), known) || !has_tensors(graph.body)) return;
  if (!all_small(graph.body, true)) return;
  Scalarizer().graph(graph);
  simplify(graph);  // elements of constants are constants
}

}  // namespace nodec
