// RNNCell, GRUCell, LSTMCell. Parameters begin within 1 / sqrt(out), as Lux draws them.
#include "compiler/nn/cells.h"

#include <algorithm>
#include <cmath>

namespace nodec::nn {
namespace {

// A cell of so many gates, each with `out` rows.
class CellRules : public LayerRules {
 public:
  CellRules(std::string name, std::int64_t in, std::int64_t out, std::int64_t gates,
            SourceLine where)
      : name_(std::move(name)), in_(in), out_(out), gates_(gates), where_(std::move(where)) {}

  std::string str() const override { return fmt::format("{}({} => {})", name_, in_, out_); }

 protected:
  Spec drawn(std::vector<std::int64_t> dims) const {
    return Spec::tensor(std::move(dims), 0, 1 / std::sqrt(double(out_)));
  }
  std::vector<std::pair<std::string, Spec>> weights() const {
    return {{"weight_i", drawn({gates_ * out_, in_})}, {"weight_h", drawn({gates_ * out_, out_})}};
  }
  // A field of the input, [size, B].
  Var field(const Var& x, const std::string& name, std::int64_t size) const {
    const Type type = x.type();
    const bool has = type.kind() == Type::Kind::Record &&
                     std::ranges::find(type.field_names(), name) != type.field_names().end();
    if (!has) {
      refuse(fmt::format("a record with '{}' [{}, batch]", name, size), type,
             "give it record({{\"x\", x}, {\"h\", h}, ...})");
    }
    Var v = x[name];
    const Type field = v.type();
    const bool fits = field.is_tensor() && field.rank() == 2 && field.shape()[0] == Dim(size);
    if (!fits) {
      refuse(fmt::format("'{}' [{}, batch]", name, size), field,
             fmt::format("give it a [{}, batch]", size));
    }
    return v;
  }
  [[noreturn]] void refuse(const std::string& wanted, const Type& got, std::string help) const {
    throw Error(fmt::format("{} takes {}, got {}", str(), wanted, got.str()),
                {{where_, "this layer"}}, std::move(help));
  }
  Var gate(const Var& all, std::int64_t i) const { return slice(all, 0, i * out_, out_); }
  static Var with_bias(const Var& y, const Var& bias) {
    return y + broadcast_to(bias, y.shape(), {0});
  }

  std::string name_;
  std::int64_t in_, out_, gates_;
  SourceLine where_;
};

class RnnRules : public CellRules {
 public:
  RnnRules(std::int64_t in, std::int64_t out, const Activation& activation, SourceLine where)
      : CellRules("RNNCell", in, out, 1, std::move(where)), activation_(activation) {}
  std::string str() const override {
    return fmt::format("RNNCell({} => {}, {})", in_, out_, activation_.name);
  }
  Spec params(Init) const override {
    auto fields = weights();
    fields.emplace_back("bias", drawn({out_}));
    return Spec::record(std::move(fields));
  }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const Var in = matmul(ps["weight_i"], field(x, "x", in_));
    const Var sum = in + matmul(ps["weight_h"], field(x, "h", out_));
    const Var y = with_bias(sum, ps["bias"]);
    return {activation_.apply != nullptr ? activation_.apply(y) : y, st};
  }

 private:
  Activation activation_;
};

class GruRules : public CellRules {
 public:
  GruRules(std::int64_t in, std::int64_t out, SourceLine where)
      : CellRules("GRUCell", in, out, 3, std::move(where)) {}
  Spec params(Init) const override {
    auto fields = weights();
    for (const char* bias : {"bias_i", "bias_h"}) fields.emplace_back(bias, drawn({3 * out_}));
    return Spec::record(std::move(fields));
  }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const Var h = field(x, "h", out_);
    const Var in = with_bias(matmul(ps["weight_i"], field(x, "x", in_)), ps["bias_i"]);
    const Var old = with_bias(matmul(ps["weight_h"], h), ps["bias_h"]);
    const Var r = sigmoid(gate(in, 0) + gate(old, 0));
    const Var z = sigmoid(gate(in, 1) + gate(old, 1));
    const Var n = tanh(gate(in, 2) + r * gate(old, 2));
    return {(1 - z) * n + z * h, st};
  }
};

class LstmRules : public CellRules {
 public:
  LstmRules(std::int64_t in, std::int64_t out, SourceLine where)
      : CellRules("LSTMCell", in, out, 4, std::move(where)) {}
  Spec params(Init) const override {
    auto fields = weights();
    fields.emplace_back("bias", drawn({4 * out_}));
    return Spec::record(std::move(fields));
  }
  Applied apply(const Var& x, const Params& ps, const State& st) const override {
    const Var in = matmul(ps["weight_i"], field(x, "x", in_));
    const Var sum = in + matmul(ps["weight_h"], field(x, "h", out_));
    const Var gates = with_bias(sum, ps["bias"]);
    const Var kept = sigmoid(gate(gates, 1)) * field(x, "c", out_);
    const Var c = kept + sigmoid(gate(gates, 0)) * tanh(gate(gates, 2));
    const Var h = sigmoid(gate(gates, 3)) * tanh(c);
    return {record({{"h", h}, {"c", c}}), st};
  }
};

template <class Rules, class... More>
Layer cell(std::int64_t in, std::int64_t out, Here where, const More&... more) {
  const auto rules = std::make_shared<Rules>(in, out, more..., SourceLine::of(where));
  for (const std::int64_t size : {in, out}) check_features(rules->str(), size, where);
  return {rules, where};
}

}  // namespace

Layer RNNCell(std::int64_t in, std::int64_t out, const Activation& activation, Here where) {
  return cell<RnnRules>(in, out, where, activation);
}
Layer GRUCell(std::int64_t in, std::int64_t out, Here where) {
  return cell<GruRules>(in, out, where);
}
Layer LSTMCell(std::int64_t in, std::int64_t out, Here where) {
  return cell<LstmRules>(in, out, where);
}

}  // namespace nodec::nn
