// Tensors that have an axis of size 0 are values like others: small or large, beside samples or
// not.
#include "tests/compiler/lower/gradients.h"

namespace nodec::oracle {
namespace {

// The program of such a value and of another that is one number, with the gradient of both.
void expect_agreement_of(const Shape& shape, const std::function<Var(const Var&)>& f) {
  const bool batched =
      std::any_of(shape.begin(), shape.end(), [](const Dim& d) { return d == kB; });
  for (const std::int64_t others : {2, 40}) {
    INFO(str(shape), " beside ", others);
    Trace t("without", batched ? "B" : "");
    const Var x = t.input("x", Type::tensor(Dtype::F64, shape));
    const Var y = t.input("y", Type::tensor(Dtype::F64, {others}));
    const auto loss = [&](const Var& v, const Var& w) { return sum(f(v * 2.0)) + sum(sin(w)); };
    const auto [value, slopes] = value_and_grad(loss, std::tie(x, y));
    t.output("value", value), t.output("whole", f(x));
    t.output("dx", std::get<0>(slopes)), t.output("dy", std::get<1>(slopes));
    expect_agreement(*t.finish().graph, 1e-12, {1, 16, 37});
  }
}

}  // namespace

TEST_CASE("values without elements are computed, and so are their derivatives" *
          doctest::test_suite("slow")) {
  for (const Shape& shape : {Shape{0}, {0, 3}, {3, 0}, {0, kB}, {3, 0, kB}, {kB, 0}}) {
    expect_agreement_of(shape, [](const Var& x) { return tanh(x) + 1.0; });
    expect_agreement_of(shape, [](const Var& x) { return transpose(x); });
    expect_agreement_of(shape, [](const Var& x) { return norm(x) + sum(max_over(x, {0})); });
    expect_agreement_of(
        shape, [](const Var& x) { return solve([](const Var& u) { return -u; }, x, 0, 1).u; });
  }
}

TEST_CASE("states of a size that a run tells to be 0 are solved") {
  for (const char* adjoint : {"discrete", "interpolating", "gauss"}) {
    INFO(std::string(adjoint));
    Trace t("without", "");
    const Var x = t.input("x", Type::tensor(Dtype::F64, {kN, 3})), k = t.input("k", f64());
    const auto loss = [&](const Var& v, const Var& rate) {
      return sum(solve([&](const Var& u) { return -rate * u; }, v, 0, 1, {.adjoint = adjoint}).u);
    };
    const auto [value, slopes, error] = value_and_grad_error(loss, x, k);
    t.output("value", value), t.output("error", error);
    t.output("dx", std::get<0>(slopes)), t.output("dk", std::get<1>(slopes));
    const auto graph = t.finish().graph;
    const std::vector<Array> inputs{Array::zeros(Dtype::F64, {0, 3}),
                                    Array::scalar(Dtype::F64, 0.5)};
    const std::vector<Array> want = interpret(*run_until(*graph, "differentiate"), inputs);
    expect_close(run_compiled(compile_fresh(*graph), inputs), want, 0);
  }
}

TEST_CASE("a list of stops may be empty in a run") {
  for (const Dim& many : {kN, Dim(0)}) {
    Trace t("stopless", "");
    const Var x = t.input("x", f64()), stops = t.input("stops", f64({many}));
    const auto end = [](const Var& v, const Var& at) {
      return solve([](const Var& u) { return -u; }, v, 0, 1, {.stops = at}).u;
    };
    const auto [value, slopes] = value_and_grad(end, x, stops);
    t.output("value", value);
    t.output("dx", std::get<0>(slopes)), t.output("dstops", std::get<1>(slopes));
    const auto graph = t.finish().graph;
    const std::vector<Array> inputs{Array::scalar(Dtype::F64, 1), Array::zeros(Dtype::F64, {0})};
    const std::vector<Array> want = interpret(*run_until(*graph, "differentiate"), inputs);
    expect_close(run_compiled(compile_fresh(*graph), inputs), want, 1e-12);
    CHECK(want[1].real() == doctest::Approx(std::exp(-1)).epsilon(1e-3));
  }
}

TEST_CASE("products over an axis of size 0 are zeros, and so are their derivatives") {
  for (const std::int64_t rows : {2, 40}) {
    for (const Dim& columns : {Dim(3), kB}) {
      INFO(rows, " rows, ", columns.str(), " columns");
      Trace t("product", columns == kB ? "B" : "");
      const Var a = t.input("a", Type::tensor(Dtype::F64, {rows, 0}));
      const Var b = t.input("b", Type::tensor(Dtype::F64, {0, columns}));
      const auto loss = [](const Var& v, const Var& w) { return sum(matmul(v, w) + 1.0); };
      const auto [value, slopes] = value_and_grad(loss, std::tie(a, b));
      t.output("value", value), t.output("product", matmul(a, b));
      t.output("da", std::get<0>(slopes)), t.output("db", std::get<1>(slopes));
      expect_agreement(*t.finish().graph, 1e-12, {1, 16, 37});
    }
  }
}

TEST_CASE("parts of size 0 are taken from a tensor and put into one") {
  for (const std::int64_t size : {2, 40}) {
    Trace t("parts", "");
    const Var x = t.input("x", Type::tensor(Dtype::F64, {size}));
    const Var none = slice(x, 0, 1, 0);
    t.output("none", none), t.output("sum", sum(none)), t.output("max", max_over(none));
    t.output("joined", concat({none, x, none}));
    t.output("rows", gather(x, constant(std::vector<double>{}, Dtype::I32)));
    expect_agreement(*t.finish().graph, 0, {1});
  }
}

TEST_CASE("a size past 2^63 is no reason to stop before there is something to run") {
  const auto graph = read(R"(graph wide (%a: f32[1, 1099511627775]) {
  %b = matmul %a, %a {ta = true, tb = false}
  yield %b
})");
  CHECK(op_count(run_until(*graph, "sink")->body) == 1);
}

}  // namespace nodec::oracle
