// Inputs to run a program with when nobody has any. A solve's t0, t1, tolerances, steps and
// stops are found by where they enter it; all else is small: floats within 0.1 of 0, integers from
// 0 to 7 (indices into tables, labels), keys their own number.
#include <algorithm>
#include <unordered_map>

#include "ir/philox.h"
#include "kernels/catalogue.h"
#include "kernels/flow.h"
#include "kernels/solve/view.h"
#include "tools/nodec/arrays.h"
#include "tools/nodec/verb.h"

namespace nodec {
namespace {

// What a solve wants of its first operands, in order.
constexpr double kSolveScalars[] = {0, 1, 1e-3, 1e-3, 0, 10000};
// As a step of a method that has no other: a hundred of them in the span.
constexpr double kFixedStep = 0.01;

class Roles {
 public:
  explicit Roles(const Graph& graph) { walk(graph.body); }

  const double* of(const Value* input) const {
    const auto found = wanted_.find(input);
    return found == wanted_.end() ? nullptr : &found->second;
  }

 private:
  void walk(const Region& region) {
    for (const auto& op : region.ops) {
      for (std::size_t r = 0; r < op->regions.size(); ++r) {
        const Flow f = flow(*op, r);
        for (std::size_t i = 0; i < f.enters.size() && i < op->region(r).args.size(); ++i) {
          outer_[op->region(r).arg(i)] = op->operands.at(std::size_t(f.enters[i]));
        }
        walk(op->region(r));
      }
      if (op->primitive == &solve_p) solve(*op);
    }
  }

  void solve(const Op& op) {
    const Method* method = find_method(op.attrs.get_or<std::string>("method", ""));
    const bool fixed = method != nullptr && !method->adaptive;
    for (std::size_t i = 0; i < std::min(op.operands.size(), std::size(kSolveScalars)); ++i) {
      wanted_[origin(op.operands[i])] = i == 4 && fixed ? kFixedStep : kSolveScalars[i];
    }
    const SolveView view(op);
    if (view.dt_max() != nullptr) wanted_[origin(view.dt_max())] = 1;
    if (view.stops() != nullptr) wanted_[origin(view.stops())] = 0.5;
  }

  // Through the bodies around it to the program's own value.
  const Value* origin(const Value* value) const {
    for (auto found = outer_.find(value); found != outer_.end(); found = outer_.find(value)) {
      value = found->second;
    }
    return value;
  }

  std::unordered_map<const Value*, const Value*> outer_;
  std::unordered_map<const Value*, double> wanted_;
};

template <class T, class Make>
void fill(Tensor& array, const Make& make) {
  auto* x = static_cast<T*>(array.data());
  for (std::int64_t i = 0; i < array.count(); ++i) x[i] = static_cast<T>(make(i));
}

void fill(Tensor& array, std::uint64_t seed, const double* wanted) {
  const auto real = [&](std::int64_t i) {
    if (wanted != nullptr) return *wanted;
    return 0.2 * philox::uniform_f32(philox::draw(seed, std::uint64_t(i))[0]) - 0.1;
  };
  const auto integer = [&](std::int64_t i) {
    return wanted != nullptr ? std::int64_t(*wanted) : i % 8;
  };
  switch (array.dtype()) {
    case Dtype::F32:
      return fill<float>(array, real);
    case Dtype::F64:
      return fill<double>(array, real);
    case Dtype::I32:
      return fill<std::int32_t>(array, integer);
    case Dtype::I64:
      return fill<std::int64_t>(array, integer);
    case Dtype::Key:
      return fill<std::uint64_t>(array, integer);
    case Dtype::Bool:
      return fill<bool>(array, [](std::int64_t i) { return i % 2 == 0; });
    case Dtype::U8:
      return fill<std::uint8_t>(array, integer);
  }
}

}  // namespace

void add_synthetic(const Graph& graph, const std::vector<Port>& inputs, const Bindings& symbols,
                   ArraysByName& arrays, std::uint64_t seed) {
  constexpr std::int64_t kMostElements = std::int64_t{1} << 28;
  const Roles roles(graph);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = inputs[i];
    if (arrays.contains(port.name)) continue;
    std::vector<std::int64_t> dims;
    std::int64_t count = 1;
    for (const Dim& dim : port.type.shape()) {
      dims.push_back(dim.evaluate(symbols));
      const bool fits = dims.back() >= 0 && !__builtin_mul_overflow(count, dims.back(), &count);
      if (!fits || count > kMostElements) {
        throw InputError(
            fmt::format("input '{}' is {}: too large to make up", port.name, port.type.str()), {},
            "give it as --input, or smaller sizes as --size");
      }
    }
    Tensor made(port.type.dtype(), std::move(dims));
    fill(made, i + 1 + (seed << 32),
         i < graph.body.args.size() ? roles.of(graph.body.arg(i)) : nullptr);
    arrays[port.name] = std::move(made);
  }
}

}  // namespace nodec
