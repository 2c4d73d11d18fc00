// Scans against the loops that they stand for: values, gradients, order of rows, and what is said
// of tables that do not go together.
#include <doctest/doctest.h>

#include <cmath>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

std::vector<double> run(const Traced& traced, const Tensor& input, std::size_t result = 0) {
  const Program program = oracle::compile_fresh(*traced.graph);
  const auto out = program.executable->run(std::vector<TensorView>{input});
  const auto values = out[result].values<double>();
  return {values.begin(), values.end()};
}

std::string scan_refusal(const std::function<void()>& traces) {
  try {
    traces();
  } catch (const Error& error) {
    const std::string text = error.what();
    const std::size_t line = text.find("  -->"), end = text.find('\n', line);
    return line == std::string::npos ? text : text.substr(0, line) + text.substr(end + 1);
  }
  return "no error";
}

const Tensor three = Tensor::of<double>({3, 2}, {1, 2, 3, 4, 5, 6});

}  // namespace

TEST_CASE("a scan carries rows in order, or from the last, and stacks each at its own row") {
  for (const bool reverse : {false, true}) {
    const Traced traced = trace("sums", {{"x", f64({"N", 2})}}, [&](const Var& x) {
      const auto [last, sums] = scan(zeros(f64({2})), x,
                                     [](const Var& so_far, const Var& row) {
                                       const Var next = so_far + row;
                                       return std::pair(next, next);
                                     },
                                     {.reverse = reverse});
      return std::tuple{last, sums};
    });
    oracle::expect_agreement(*traced.graph, 1e-12);
    CHECK(run(traced, three, 0) == std::vector<double>{9, 12});
    const std::vector<double> forward{1, 2, 4, 6, 9, 12}, backward{9, 12, 8, 10, 5, 6};
    CHECK(run(traced, three, 1) == (reverse ? backward : forward));
  }
}

TEST_CASE("integers and truth values are stacked too, and gradients pass beside them") {
  for (const bool samples : {false, true}) {
    const Traced traced = trace(
        "stacked", {{"x", samples ? f64({3, "B"}) : f64({"N", 2})}},
        [](const Var& x) {
          const auto loss = [](const Var& x) {
            const Var start = zeros_like(x.at(0));
            const auto [last, stacks] = scan(start, x, [](const Var& so_far, const Var& row) {
              const Var next = tanh(so_far) + row, whole = cast(next * 1e3, Dtype::I32);
              const Var wide = cast(whole, Dtype::I64) << 33, byte = cast(whole, Dtype::U8);
              return std::pair(next, std::tuple{whole, wide, byte, next > 0.1, next * next});
            });
            const auto& [whole, wide, byte, positive, squares] = stacks;
            return sum(select(positive, squares, -squares)) + sum(last) +
                   sum(cast(whole, Dtype::F64)) + sum(cast(wide >> 33, Dtype::F64)) +
                   sum(cast(byte, Dtype::F64));
          };
          return value_and_grad(loss, x);
        },
        samples ? "B" : "");
    oracle::expect_agreement(*traced.graph, 1e-12);
  }
  const Traced mapped = trace("mapped", {{"x", f64({"N", 2})}}, [](const Var& x) {
    const auto row = [](const Var& row) {
      const Var greatest = argmax(row, 0);
      return std::tuple{greatest, cast<std::int64_t>(greatest) - (std::int64_t(1) << 40), row > 2};
    };
    const auto [places, wide, large] = for_each(x, row);
    const Var all = cast<double>(places) + cast<double>(wide);
    return all + sum(cast<double>(large), {1});
  });
  const double wide = -std::pow(2.0, 40);
  CHECK(run(mapped, three) == std::vector<double>{wide + 2, wide + 4, wide + 4});
}

TEST_CASE("for_each maps rows, and repeat counts") {
  const Traced mapped = trace("mapped", {{"x", f64({"N", 2})}}, [](const Var& x) {
    return for_each(std::tuple{x, x}, [](const std::tuple<Var, Var>& rows) {
      return sum(std::get<0>(rows) * std::get<1>(rows));
    });
  });
  CHECK(run(mapped, three) == std::vector<double>{5, 25, 61});
  const Traced counted = trace("counted", {{"n", i32()}}, [](const Var& n) {
    return repeat(n, constant(1.0, Dtype::F64),
                  [](const Var& i, const Var& y) { return y * cast(i + 1, Dtype::F64); });
  });
  CHECK(run(counted, Tensor::scalar<std::int32_t>(5)) == std::vector<double>{120});
  CHECK(run(counted, Tensor::scalar<std::int32_t>(0)) == std::vector<double>{1});
}

TEST_CASE("a recurrent network over a sequence: gradients of weights, sequence and start") {
  for (const char* batch : {"", "B"}) {
    const bool samples = *batch != 0;
    const Type sequence_type = samples ? f64({4, 3, "B"}) : f64({4, 3});
    const Type start_type = samples ? f64({3, "B"}) : f64({3});
    const Traced traced = trace(
        "network", {{"w", f64({3, 3})}, {"xs", sequence_type}, {"h", start_type}},
        [](const Var& w, const Var& xs, const Var& h) {
          const auto loss = [](const Var& weight, const Var& sequence, const Var& start) {
            const auto [last, all] = scan(start, sequence, [&](const Var& state, const Var& row) {
              const Var next = tanh(matmul(weight, state) + row);
              return std::pair(next, sin(next));
            });
            return mean(last * last) + mean(all * all * all);
          };
          return value_and_grad(loss, w, xs, h);
        },
        batch);
    const std::unique_ptr<Graph> plain = run_until(*traced.graph, "differentiate");
    oracle::expect_agreement(*traced.graph, 1e-12);
    std::vector<Array> inputs = oracle::inputs_for(*traced.graph, {{"B", 3}});
    const std::vector<Array> at = interpret(*plain, inputs);
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      for (std::size_t i = 0; i < inputs[k].reals.size(); i += 4) {
        const double middle = inputs[k].reals[i], step = 1e-6;
        inputs[k].reals[i] = middle + step;
        const double above = interpret(*plain, inputs)[0].real();
        inputs[k].reals[i] = middle - step;
        const double slope = (above - interpret(*plain, inputs)[0].real()) / (2 * step);
        inputs[k].reals[i] = middle;
        CHECK(at[1 + k].reals[i] == doctest::Approx(slope).epsilon(1e-7));
      }
    }
  }
}

TEST_CASE("a scan's body may assign variables declared outside") {
  const Traced traced = trace("stored", {{"x", f64({3, 2})}}, [](const Var& x) {
    Var seen = constant(0.0, Dtype::F64);
    const Var last = scan(constant(1.0, Dtype::F64), x, [&](const Var& y, const Var& row) {
      seen = seen + row.at(0);
      return y * row.at(1);
    });
    return std::tuple{last, seen};
  });
  CHECK(run(traced, three, 0) == std::vector<double>{48});
  CHECK(run(traced, three, 1) == std::vector<double>{9});
}

TEST_CASE("tables that cannot be walked together are told at once") {
  const auto walk = [](const Var& x, const Var& y, const Var& z) {
    return scan(constant(0.0, Dtype::F64), std::tuple{x, y, z},
                [](const Var& sum, const auto&) { return sum; });
  };
  CHECK(scan_refusal([&] {
          trace("wrong", {{"x", f64({3})}, {"y", f64({4})}, {"z", f64()}}, walk);
        }) ==
        "error: a scan walks the rows of tensors together: 'y' f64[4] has 4 rows, the first 3; "
        "'z' f64[] has no rows\n"
        "  help: give it tensors of one size along axis 0");
  CHECK(scan_refusal([&] {
          trace("wrong", {{"x", i64({3})}},
                [](const Var& x) { return for_each(x, [](const Var& row) { return key(row); }); });
        }) ==
        "error: a scan stacks tensors of numbers, got key[]\n"
        "  help: stack its parts, or carry it");
}

TEST_CASE("the number of turns is told to be an i32") {
  const auto turns = [](const Operand& n) {
    return scan_refusal([&] {
      trace("wrong", {{"x", f64()}}, [&](const Var& x) {
        return repeat(n, x, [](const Var&, const Var& v) { return v * 2.0; });
      });
    });
  };
  CHECK(turns(2.5) ==
        "error: a loop's number of turns is an i32 scalar, got f64[]\n  help: cast it to i32");
  CHECK(turns(std::int64_t(2)).find("got i64[]") != std::string::npos);
  CHECK(turns(2) == "no error");
}

}  // namespace nodec
