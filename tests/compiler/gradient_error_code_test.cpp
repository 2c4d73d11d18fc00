// The error a gradient tells of itself, and what ends a program for it: in machine code, for
// batches.
#include <cmath>

#include "compiler/nodec.h"
#include "ir/status.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

struct Net {
  Dtype dtype = Dtype::F64;
  bool keep_stages = true;
};

// A small network's dynamics, and the time they run; the gradient's last part is its error.
std::shared_ptr<Graph> telling(const Net& net) {
  const auto tensor = [&](Shape s) { return Type::tensor(net.dtype, std::move(s)); };
  const Dim B = Dim::symbol("B");
  return trace(
             "telling",
             {{"w1", tensor({6, 4})},
              {"b1", tensor({6})},
              {"w2", tensor({4, 6})},
              {"x", tensor({4, B})},
              {"t1", tensor({})}},
             [&](const std::vector<Var>& x) -> Outputs {
               const auto loss = [&](const Var& w1, const Var& b1, const Var& w2, const Var& u0,
                                     const Var& t1) {
                 const SolveOptions options{
                     .rtol = 1e-3, .atol = 1e-4, .keep_stages = net.keep_stages};
                 const auto f = [&](const Var& u) {
                   return tanh(matmul(w2, tanh(matmul(w1, u) + b1)));
                 };
                 const Var u = solve(f, u0, 0, t1 * t1 + 1, options).u;
                 return mean(u * u);
               };
               const auto [value, g, error] =
                   value_and_grad_error(loss, std::tie(x[0], x[1], x[2], x[3], x[4]));
               return {{"value", value},
                       {"dw1", std::get<0>(g)},
                       {"dx", std::get<3>(g)},
                       {"dt1", std::get<4>(g)},
                       {"error", error}};
             },
             "B")
      .graph;
}

double told(const Net& net) {
  const auto inputs = oracle::inputs_for(*telling(net), {{"B", 37}});
  return oracle::value_at(oracle::run_compiled(oracle::compile_fresh(*telling(net)), inputs).back(),
                          0);
}

// u' = k (p - u), a rate and a start for each sample, with one step size for all.
Outcome relaxed(std::vector<double> k, std::vector<double> u0) {
  const auto samples = std::int64_t(k.size());
  const auto traced = trace(
      "relaxed", {{"p", f64({})}, {"k", f64({"B"})}, {"u0", f64({"B"})}},
      [](const Var& p, const Var& rates, const Var& start) {
        const auto loss = [&](const Var& q) {
          return mean(solve([&](const Var& u) { return rates * (q - u); }, start, 0, 30).u);
        };
        return grad(loss, p);
      },
      "B");
  const Program program = oracle::compile_fresh(*traced.graph);
  const Tensor p = Tensor::scalar(1.0),
               rates = oracle::tensor_of(Array::of({samples}, std::move(k))),
               start = oracle::tensor_of(Array::of({samples}, std::move(u0)));
  Tensor dp(Dtype::F64, {});
  const TensorView inputs[] = {p, rates, start}, outputs[] = {dp};
  CallOptions options;
  options.threads = 2;
  options.exact_team = true;
  return program.executable->call(inputs, outputs, options);
}

}  // namespace

TEST_CASE("the error told by machine code is the interpreter's, stages kept or not") {
  oracle::expect_agreement(*telling({}), 1e-9, {1, 37});
  oracle::expect_agreement(*telling({Dtype::F64, false}), 1e-9, {37});
}

TEST_CASE("the error told in single precision is that of double but for rounding") {
  const double exact = told({});
  CHECK(exact > 1e-5);
  CHECK(told({Dtype::F32}) == doctest::Approx(exact).epsilon(0.2));
}

TEST_CASE("one sample whose cotangent its steps amplify ends the program") {
  std::vector<double> k(37, 1), u0(37, 0.5);
  CHECK(Status(relaxed(k, u0).status) == Status::Success);
  k[21] = 200, u0[21] = 1;
  CHECK(Status(relaxed(k, u0).status) == Status::GradientUnreliable);
  k[21] = 200, u0[21] = 0.5;  // now the step size follows that sample
  CHECK(Status(relaxed(k, u0).status) == Status::Success);
}

TEST_CASE("a gradient above its limit ends the program, and one that is no number") {
  const auto run = [](double start, double limit) {
    const auto traced =
        trace("limited", {{"p", f64({})}, {"most", f64({})}}, [&](const Var& p, const Var& most) {
          const auto loss = [&](const Var& q) {
            return solve([&](const Var& u) { return q - u * u; }, q * start, 0, 3, {.rtol = 1e-5})
                .u;
          };
          return value_and_grad_error(loss, p, GradientErrorLimit(most)).error;
        });
    const Program program = oracle::compile_fresh(*traced.graph);
    const Tensor p = Tensor::scalar(1.0), most = Tensor::scalar(limit);
    Tensor error(Dtype::F64, {});
    const TensorView inputs[] = {p, most}, outputs[] = {error};
    return std::pair(program.executable->call(inputs, outputs), error.values<double>()[0]);
  };
  const auto [fine, error] = run(0.3, 1);
  CHECK(Status(fine.status) == Status::Success);
  CHECK(error > 0);
  CHECK(Status(run(0.3, 2 * error).first.status) == Status::Success);
  CHECK(Status(run(0.3, error / 2).first.status) == Status::GradientUnreliable);
  CHECK(Status(run(0.3, NAN).first.status) == Status::GradientUnreliable);
}

}  // namespace nodec
