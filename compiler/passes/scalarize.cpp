// Every value becomes the numbers of its elements, row-major; a tape one of longer frames. Inputs
// are read where an element is first asked for, and results are put together last.
#include "compiler/passes/scalarize.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "ir/array.h"
#include "kernels/build.h"
#include "kernels/catalogue.h"
#include "kernels/rules.h"
#include "kernels/uniform.h"

namespace nodec {
namespace {

constexpr std::int64_t kMostElements = 16;

using Values = std::vector<Value*>;

std::optional<std::int64_t> elements(const Type& type) {
  if (!type.is_tensor()) return std::nullopt;
  std::int64_t count = 1;
  for (const Dim& d : type.shape()) {
    if (!d.is_constant()) return std::nullopt;
    count *= d.constant();
  }
  return count;
}

Dims dims_of(const Type& type) {
  Dims dims;
  for (const Dim& d : type.shape()) dims.push_back(d.constant());
  return dims;
}

bool is_small(const Type& type) {
  if (type.kind() == Type::Kind::Tape) {
    return std::all_of(type.elements().begin(), type.elements().end(), is_small);
  }
  const auto count = elements(type);
  return type.is_tensor() && count && *count <= kMostElements && type.device() == kHost;
}

bool is_matrix(const Value* v) { return v->type.is_tensor() && v->type.rank() == 2; }

// The ops of which each element is made of elements.
bool is_known(const Op& op) {
  switch (op.primitive->form) {
    case Form::Elementwise:
    case Form::Tape:
    case Form::Effect:
    case Form::Control:
      return true;
    case Form::View:
      return op.primitive->view != nullptr || op.primitive == &reshape_p;
    case Form::Reduce:
      return op.primitive == &sum_p || op.primitive == &max_over_p;
    default:
      if (op.primitive == &matmul_p) return is_matrix(op.operands[0]) && is_matrix(op.operands[1]);
      return op.primitive == &constant_p || op.primitive == &iota_p || op.primitive == &concat_p ||
             op.primitive == &pad_p || op.primitive == &dim_p;
  }
}

bool all_small(const Region& region, bool inputs) {
  const auto small = [](const auto& v) { return is_small(v->type); };
  if (inputs && !std::all_of(region.args.begin(), region.args.end(), small)) return false;
  return std::all_of(region.ops.begin(), region.ops.end(), [&](const auto& op) {
    const auto inside = [](const auto& nested) { return all_small(*nested, true); };
    return is_known(*op) && std::all_of(op->results.begin(), op->results.end(), small) &&
           std::all_of(op->regions.begin(), op->regions.end(), inside);
  });
}

Type number(const Type& type) { return Type::scalar(type.dtype()); }

// What types of numbers stand for one of a value.
std::vector<Type> numbers_of(const Type& type) {
  if (type.kind() == Type::Kind::Tape) {
    std::vector<Type> frame;
    for (const Type& part : type.elements()) {
      const std::vector<Type> numbers = numbers_of(part);
      frame.insert(frame.end(), numbers.begin(), numbers.end());
    }
    return {Type::tape(std::move(frame))};
  }
  return std::vector<Type>(std::size_t(*elements(type)), number(type));
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
    switch (op.primitive->form) {
      case Form::Elementwise:
        return elementwise(b, op);
      case Form::View:
        return view(b, op);
      case Form::Reduce:
        return reduced(b, op);
      case Form::Control:
      case Form::Tape:
      case Form::Effect:
        return same_op(b, op);
      default:
        break;
    }
    if (op.primitive == &concat_p) return concatenated(b, op);
    if (op.primitive == &pad_p) return padded(b, op);
    if (op.primitive == &matmul_p) return multiplied(b, op);
    if (op.primitive == &dim_p) return {b.value(dim_p, {}, op.attrs)};
    return generated(b, op);
  }

  Values elementwise(Builder& b, const Op& op) {
    Values made;
    for (std::size_t i = 0; i < std::size_t(*elements(op.result()->type)); ++i) {
      Values x;
      for (const Value* operand : op.operands) x.push_back(parts(b, operand).at(i));
      made.push_back(b.value(*op.primitive, std::move(x), op.attrs));
    }
    return made;
  }

  // Element i of a view is the operand's element at the offset that its map tells.
  Values view(Builder& b, const Op& op) {
    const Values& x = parts(b, op.operands[0]);
    if (op.primitive->view == nullptr) return x;
    const ViewMap map = op.primitive->view(op);
    const Dims step = strides(dims_of(op.operands[0]->type));
    Values made;
    each_index(dims_of(op.result()->type), [&](std::int64_t, const Dims& index) {
      std::int64_t from = 0;
      for (std::size_t j = 0; j < step.size(); ++j) from += map.start[j] * step[j];
      for (std::size_t i = 0; i < index.size(); ++i) {
        if (map.axis[i] >= 0) from += index[i] * step[std::size_t(map.axis[i])];
      }
      made.push_back(x.at(std::size_t(from)));
    });
    return made;
  }

  // One chain for each result, from the fold of nothing, in the order of increasing index.
  Values reduced(Builder& b, const Op& op) {
    const Values& x = parts(b, op.operands[0]);
    const auto& axes = op.attrs.get<std::vector<std::int64_t>>("axes");
    const bool adds = op.primitive == &sum_p;
    const Type type = number(op.result()->type);
    Value* start = adds ? zeros(b, type) : nothing_greater(b, type.dtype());
    Values made(std::size_t(*elements(op.result()->type)), start);
    const Dims dims = dims_of(op.operands[0]->type), step = strides(dims_of(op.result()->type));
    each_index(dims, [&](std::int64_t flat, const Dims& index) {
      std::int64_t to = 0;
      std::size_t kept = 0;
      for (std::size_t axis = 0; axis < index.size(); ++axis) {
        const bool folded = std::find(axes.begin(), axes.end(), std::int64_t(axis)) != axes.end();
        if (!folded) to += index[axis] * step[kept++];
      }
      Value*& sum = made[std::size_t(to)];
      sum = adds ? add(b, sum, x[std::size_t(flat)]) : max(b, sum, x[std::size_t(flat)]);
    });
    return made;
  }

  static Value* nothing_greater(Builder& b, Dtype dtype) {
    if (is_float(dtype)) return scalar(b, dtype, -std::numeric_limits<double>::infinity());
    const bool wide = dtype == Dtype::I64;
    return integer(b, dtype,
                   wide ? std::numeric_limits<std::int64_t>::min()
                        : std::int64_t(std::numeric_limits<std::int32_t>::min()));
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
    Values results;
    for (const auto& result : made.results) results.push_back(result.get());
    return results;
  }

  // The operands' blocks along the axis, turn by turn of the axes before it.
  Values concatenated(Builder& b, const Op& op) {
    const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
    std::int64_t turns = 1;
    const Dims dims = dims_of(op.result()->type);
    for (std::size_t i = 0; i < axis; ++i) turns *= dims[i];
    Values made;
    for (std::int64_t turn = 0; turn < turns; ++turn) {
      for (const Value* operand : op.operands) {
        const Values& x = parts(b, operand);
        const std::size_t block = x.size() / std::size_t(turns);
        const auto first = x.begin() + std::ptrdiff_t(block * std::size_t(turn));
        made.insert(made.end(), first, first + std::ptrdiff_t(block));
      }
    }
    return made;
  }

  // One chain of fmas for each element, from its start, in the order of the inner axis.
  Values multiplied(Builder& b, const Op& op) {
    const Values &x = parts(b, op.operands[0]), &y = parts(b, op.operands[1]);
    const bool flips_x = op.attrs.get<bool>("ta"), flips_y = op.attrs.get<bool>("tb");
    const Dims left = dims_of(op.operands[0]->type), right = dims_of(op.operands[1]->type);
    const auto at = [](const Values& m, const Dims& dims, bool flips, std::int64_t i,
                       std::int64_t j) {
      return m[std::size_t(flips ? j * dims[1] + i : i * dims[1] + j)];
    };
    const std::int64_t inner = left[flips_x ? 0 : 1];
    Values made;
    each_index(dims_of(op.result()->type), [&](std::int64_t flat, const Dims& index) {
      Value* sum = op.operands.size() > 2 ? parts(b, op.operands[2])[std::size_t(flat)]
                                          : zeros(b, number(op.result()->type));
      for (std::int64_t k = 0; k < inner; ++k) {
        sum = fma(b, at(x, left, flips_x, index[0], k), at(y, right, flips_y, k, index[1]), sum);
      }
      made.push_back(sum);
    });
    return made;
  }

  Values padded(Builder& b, const Op& op) {
    const Values& x = parts(b, op.operands[0]);
    const auto axis = std::size_t(op.attrs.get<std::int64_t>("axis"));
    const std::int64_t before = op.attrs.get<Shape>("before")[0].constant();
    const Dims inner = dims_of(op.operands[0]->type), step = strides(inner);
    Value* zero = zeros(b, number(op.result()->type));
    Values made;
    each_index(dims_of(op.result()->type), [&](std::int64_t, Dims index) {
      index[axis] -= before;
      const bool inside = index[axis] >= 0 && index[axis] < inner[axis];
      std::int64_t from = 0;
      for (std::size_t i = 0; i < index.size(); ++i) from += index[i] * step[i];
      made.push_back(inside ? x[std::size_t(from)] : zero);
    });
    return made;
  }

  Values generated(Builder& b, const Op& op) {
    const Type& type = op.result()->type;
    Values made;
    each_index(dims_of(type), [&](std::int64_t flat, const Dims& index) {
      Attrs attrs{{"dtype", type.dtype()}, {"shape", Shape{}}};
      if (op.primitive == &iota_p) {
        const auto at = index[std::size_t(op.attrs.get<std::int64_t>("axis"))];
        made.push_back(is_float(type.dtype()) ? scalar(b, type.dtype(), double(at))
                                              : integer(b, type.dtype(), at));
      } else if (const Attr* values = op.attrs.find("values")) {
        const double value = std::get<std::vector<double>>(*values).at(std::size_t(flat));
        made.push_back(constant(b, type.dtype(), Shape{}, value));
      } else {
        attrs.set("value", *op.attrs.find("value"));
        made.push_back(b.value(constant_p, {}, std::move(attrs)));
      }
    });
    return made;
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
    Value* flat = reshape(b, tensor, {*elements(v->type)});
    for (std::int64_t i = 0; i < *elements(v->type); ++i) {
      made.push_back(reshape(b, slice(b, flat, 0, i, 1), {}));
    }
    return made;
  }

  Value* whole(Builder& b, const Value* v) {
    const auto found = whole_.find(v);
    if (found != whole_.end()) return found->second;
    const Values& x = parts_.at(v);
    if (v->type.is_scalar()) return x.front();
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
  const auto known = [](const auto& arg) { return elements(arg->type).has_value(); };
  const auto& args = graph.body.args;
  if (!std::all_of(args.begin(), args.end(), known) || !has_tensors(graph.body)) return;
  if (all_small(graph.body, true)) Scalarizer().graph(graph);
}

}  // namespace nodec
