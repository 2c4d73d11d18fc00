// The reference interpreter: walks a region's ops in order over an environment of data.
//
// An elementwise op is its primitive's `scalar` (doubles) or `integer` (int64, exact, wrapped to
// the dtype) rule at every index; every other op is its primitive's `eval`. Data whose type is not
// the declared one (a box that changed its type) make the op be typed again on what is really
// there, so that an unstable program runs and one that cannot run says where.
#include "ir/interpret.h"

#include <array>
#include <unordered_map>

#include "ir/fit.h"
#include "ir/float_mode.h"
#include "ir/primitive.h"
#include "ir/print.h"
#include "ir/stopped.h"
#include "ir/text.h"

namespace nodec {
namespace {

constexpr std::size_t kOperandLimit = 8;  // of an elementwise op
constexpr std::int64_t kExact = std::int64_t{1} << 53;

void check_operands(const Op& op, std::span<const Datum> operands) {
  NODEC_CHECK(!operands.empty() && operands.size() <= kOperandLimit, "'{}' has {} operands",
              op.name(), operands.size());
  const Array& first = operands[0].array;
  for (const Datum& operand : operands) {
    if (operand.kind == Type::Kind::Tensor && operand.array.dims == first.dims) continue;
    throw Error(fmt::format("'{}' is elementwise, its operands are {} and {}", op.name(),
                            concrete(Type::any(), operands[0]).str(),
                            concrete(Type::any(), operand).str()));
  }
}

void apply_integer(const Op& op, std::span<const Datum> operands, Array& result) {
  std::array<std::int64_t, kOperandLimit> x{};
  for (std::int64_t i = 0; i < result.count(); ++i) {
    for (std::size_t k = 0; k < operands.size(); ++k) x[k] = operands[k].array.integer(i);
    result.set_integer(i, op.primitive->integer({x.data(), operands.size()}));
  }
}

void apply_scalar(const Op& op, std::span<const Datum> operands, Array& result) {
  std::array<double, kOperandLimit> x{};
  for (std::int64_t i = 0; i < result.count(); ++i) {
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const Array& array = operands[k].array;
      x[k] = array.real(i);
      const bool exact = is_float(array.dtype) || is_float(result.dtype) ||
                         (array.integer(i) <= kExact && array.integer(i) >= -kExact);
      NODEC_CHECK(exact, "'{}' on {} needs an `integer` rule: a double does not hold {}", op.name(),
                  name(array.dtype), array.integer(i));
    }
    result.set(i, op.primitive->scalar({x.data(), operands.size()}));
  }
}

Datum elementwise(const Op& op, std::span<const Datum> operands) {
  check_operands(op, operands);
  bool whole = op.primitive->integer && !is_float(op.result()->type.dtype());
  for (const Datum& operand : operands) whole = whole && !is_float(operand.array.dtype);
  Array result = Array::zeros(op.result()->type.dtype(), operands[0].array.dims);
  if (whole) {
    apply_integer(op, operands, result);
  } else {
    apply_scalar(op, operands, result);
  }
  return result;
}

// The op as it would have been built on operands of the types they really have.
struct Retyped {
  Region region;
  Op* op;

  Retyped(const Op& from, std::span<const Datum> operands) {
    ValueMap map;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Value* declared = from.operands[i];
      map[declared] = region.add_arg(concrete(declared->type, operands[i]), declared->name);
    }
    op = &copy_op(from, region, map);
    const std::vector<Type> types = result_types(*op);
    for (std::size_t i = 0; i < types.size(); ++i) op->result(i)->type = types[i];
  }
};

bool all_fit(const std::vector<Value*>& values, std::span<const Datum> data,
             const Bindings& bindings) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (!fits(values[i]->type, data[i], bindings)) return false;
  }
  return true;
}

void check_results(const Op& op, std::span<const Datum> results, const Bindings& bindings) {
  NODEC_CHECK(results.size() == op.results.size(), "evaluating '{}' gave {} of {} results",
              op.name(), results.size(), op.results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    NODEC_CHECK(fits(op.result(i)->type, results[i], bindings), "'{}' evaluates to {}:\n{}",
                op.name(), concrete(op.result(i)->type, results[i]).str(), print(op));
  }
}

// The values of a running region. A datum is given away at its last use, so that a large array or a
// tape is not copied on its way through a loop.
class Environment {
 public:
  explicit Environment(const Region& region) {
    for (const auto& op : region.ops) count(op->operands);
    count(region.results);
  }

  void set(const Value* value, Datum datum) {
    if (uses_.contains(value)) data_[value] = std::move(datum);
  }
  std::vector<Datum> take(const std::vector<Value*>& values) {
    std::vector<Datum> taken;
    taken.reserve(values.size());
    for (const Value* value : values) {
      const auto found = data_.find(value);
      NODEC_CHECK(found != data_.end(), "a region uses '{}' before it is defined", value->name);
      if (--uses_[value] > 0) {
        taken.push_back(found->second);
      } else {
        taken.push_back(std::move(found->second));
        data_.erase(found);
      }
    }
    return taken;
  }

 private:
  void count(const std::vector<Value*>& values) {
    for (const Value* value : values) ++uses_[value];
  }

  std::unordered_map<const Value*, int> uses_;
  std::unordered_map<const Value*, Datum> data_;
};

std::vector<Datum> evaluate(const Op& op, std::span<const Datum> operands,
                            Interpreter& interpreter) {
  if (op.primitive->eval) return op.primitive->eval(op, operands, interpreter);
  if (!op.primitive->scalar) {
    throw Error(fmt::format("'{}' is not interpreted: a stage replaces it", op.name()));
  }
  std::vector<Datum> results;
  results.push_back(elementwise(op, operands));
  return results;
}

}  // namespace

std::vector<Datum> Interpreter::run(const Op& op, std::vector<Datum> operands) {
  try {
    // Regions check their own ops; an op that holds some is not typed again.
    if (!op.regions.empty()) return evaluate(op, operands, *this);
    if (!all_fit(op.operands, operands, bindings_)) {
      const Retyped retyped(op, operands);
      return evaluate(*retyped.op, operands, *this);
    }
    std::vector<Datum> results = evaluate(op, operands, *this);
    check_results(op, results, bindings_);
    return results;
  } catch (const Stopped&) {
    throw;
  } catch (const Error& error) {
    if (!error.notes().empty() || !op.where.known()) throw;
    throw Error(error.message(), {{op.where, ""}}, error.help());
  }
}

std::vector<Datum> Interpreter::run(const Region& region, std::span<const Datum> arguments) {
  NODEC_CHECK(arguments.size() == region.args.size(), "a region of {} arguments run with {}",
              region.args.size(), arguments.size());
  bind_symbols(region, arguments, bindings_);
  Environment environment(region);
  for (std::size_t i = 0; i < arguments.size(); ++i) environment.set(region.arg(i), arguments[i]);
  for (const auto& op : region.ops) {
    std::vector<Datum> results = run(*op, environment.take(op->operands));
    for (std::size_t i = 0; i < results.size(); ++i) {
      environment.set(op->result(i), std::move(results[i]));
    }
  }
  return environment.take(region.results);
}

namespace {

std::string argument_name(const Region& body, std::size_t i) {
  const std::string& name = body.arg(i)->name;
  return name.empty() ? fmt::format("argument {}", i) : fmt::format("argument '{}'", name);
}

// "where B is 4", for the symbols a type mentions.
std::string bound_text(const Type& type, const Bindings& bindings) {
  std::string text;
  for (const auto& [symbol, value] : bindings) {
    if (!type.mentions(symbol)) continue;
    text += fmt::format("{}{} is {}", text.empty() ? " where " : ", ", symbol, value);
  }
  return text;
}

bool all_bound(const Type& type, const Bindings& bindings) {
  for (const Dim& dim : type.shape()) {
    for (const std::string& symbol : dim.symbols()) {
      if (!bindings.contains(symbol)) return false;
    }
  }
  return true;
}

void check_arguments(const Graph& graph, std::span<const Datum> arguments,
                     const Bindings& bindings) {
  std::string wrong;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Type& type = graph.body.arg(i)->type;
    if (fits(type, arguments[i], bindings) && all_bound(type, bindings)) continue;
    wrong += fmt::format("{}{} wants {}{}, got {}", wrong.empty() ? "" : "; ",
                         argument_name(graph.body, i), type.str(), bound_text(type, bindings),
                         arguments[i].array.type().str());
  }
  if (!wrong.empty()) throw Error(wrong);
}

std::vector<Datum> run_named(Interpreter& interpreter, const Graph& graph,
                             std::span<const Datum> data) {
  try {
    return interpreter.run(graph.body, data);
  } catch (const Stopped& stopped) {
    throw Stopped(graph.name, stopped.outcome(), stopped.site());
  }
}

}  // namespace

std::vector<Array> interpret(const Graph& graph, std::span<const Array> arguments) {
  const DefaultFloatMode mode;
  const std::size_t wanted = graph.body.args.size();
  if (arguments.size() != wanted) {
    throw Error(fmt::format("'{}' takes {}, got {}", graph.name, count_of(wanted, "argument"),
                            arguments.size()));
  }
  const std::vector<Datum> data(arguments.begin(), arguments.end());
  Interpreter interpreter;
  bind_symbols(graph.body, data, interpreter.bindings());
  check_arguments(graph, data, interpreter.bindings());
  std::vector<Array> results;
  for (Datum& datum : run_named(interpreter, graph, data)) {
    if (datum.kind != Type::Kind::Tensor) {
      throw Error(fmt::format("result {} of '{}' is no tensor", results.size(), graph.name));
    }
    results.push_back(std::move(datum.array));
  }
  return results;
}

}  // namespace nodec
