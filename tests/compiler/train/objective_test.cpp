// Losses as formulas, and metrics as sums and counts.
#include "compiler/train/objective.h"

#include <cmath>

#include "tests/compiler/trace/traced.h"

namespace nodec::nn {
namespace {

using testing::message;
using testing::run;

double value_of(const Loss& loss, std::vector<double> x, std::vector<double> target) {
  Trace t("loss", "B");
  const Shape shape{2, Dim::symbol("B")};
  const Var a = t.input("x", Type::tensor(Dtype::F64, shape));
  const Var b = t.input("target", Type::tensor(Dtype::F64, shape));
  t.output("loss", loss(a, b));
  const std::int64_t n = std::int64_t(x.size()) / 2;
  return run(t.finish(), {Array::of({2, n}, x), Array::of({2, n}, target)})[0][0];
}

}  // namespace

TEST_CASE("losses are the formulas they stand for") {
  const std::vector<double> x{1, -2, 0.5, 3}, y{0, 1, 1, 0.5};
  CHECK(value_of(MeanSquared(), x, y) == doctest::Approx((1 + 9 + 0.25 + 6.25) / 4));
  CHECK(value_of(MeanAbsolute(), x, y) == doctest::Approx((1 + 3 + 0.5 + 2.5) / 4));
  CHECK(value_of(Huber(1), x, y) == doctest::Approx((0.5 + 2.5 + 0.125 + 2) / 4));
  double wanted = 0, smoothed = 0, divergence = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    wanted += std::log1p(std::exp(x[i])) - y[i] * x[i];
    smoothed += std::log1p(std::exp(x[i])) - (0.9 * y[i] + 0.05) * x[i];
    if (y[i] > 0) divergence += y[i] * (std::log(y[i]) - x[i]);
  }
  CHECK(value_of(BinaryCrossEntropy(), x, y) == doctest::Approx(wanted / 4));
  CHECK(value_of(BinaryCrossEntropy({.smoothing = 0.1}), x, y) == doctest::Approx(smoothed / 4));
  CHECK(value_of(Divergence(), x, y) == doctest::Approx(divergence / 2));
}

TEST_CASE("label smoothing is the mix of a class and all classes") {
  Trace t("smoothed", "B");
  const Var logits = t.input("logits", f64({3, "B"})), labels = t.input("labels", i32({"B"}));
  t.output("loss", CrossEntropy({.smoothing = 0.3})(logits, labels));
  t.output("plain", CrossEntropy()(logits, labels));
  Array classes = Array::zeros(Dtype::I32, {1});
  classes.integers = {2};
  const auto results = run(t.finish(), {Array::of({3, 1}, {0, 1, 2}), classes});
  const double total = std::log(1 + std::exp(1) + std::exp(2));
  CHECK(results[1][0] == doctest::Approx(total - 2));
  CHECK(results[0][0] == doctest::Approx(0.7 * (total - 2) + 0.1 * (3 * total - 3)));
}

TEST_CASE("losses refuse what would broadcast, and shares that are none") {
  Trace t("refused", "B");
  const Var x = t.input("x", f32({2, "B"})), y = t.input("y", f32({"B"}));
  const int base = __LINE__ + 1;
  const auto mixed = [&] { mae(x, y); };
  CHECK(message(mixed, base) == R"(error: mae takes two of one type, got f32[2, B] and f32[B]
  --> line +0
  help: reshape or cast one of them)");
  CHECK(message([&] {
          binary_cross_entropy_with_logits(x, x, 1);
        }).starts_with("error: a label smoothing is in [0, 1), not 1"));
}

TEST_CASE("losses of two arrays take one output for each sample with its axis or without") {
  Trace t("ones", "B");
  const Var x = t.input("x", f64({1, "B"})), y = t.input("y", f64({"B"}));
  t.output("mse", mse(x, y));
  t.output("mae", mae(x, y));
  t.output("huber", huber(x, y));
  t.output("turned", mse(y, x));
  const auto results = run(t.finish(), {Array::of({1, 3}, {1, 2, 4}), Array::of({3}, {1, 1, 1})});
  CHECK(results[0][0] == doctest::Approx(10.0 / 3));
  CHECK(results[1][0] == doctest::Approx(4.0 / 3));
  CHECK(results[2][0] == doctest::Approx(1));
  CHECK(results[3][0] == doctest::Approx(10.0 / 3));
}

TEST_CASE("what does not fit a loss is told with the line where it was made") {
  Trace t("refused", "B");
  const Var x = t.input("x", f32({3, "B"})), y = t.input("y", f32({"B"}));
  const int base = __LINE__ + 1;
  for (const Loss& loss : {MeanSquared(), MeanAbsolute(), Huber()}) {
    CHECK(message([&] { loss(x, y); }, base) ==
          fmt::format("error: {} takes two of one type, got f32[3, B] and f32[B]\n  --> line +0\n  "
                      "help: reshape or cast one of them",
                      loss.name()));
  }
  const Loss flat = Huber(0);
  CHECK(message([&] { flat(x, x); }, base + 6) == R"(error: huber's delta is above 0, got 0
  --> line +0
  help: give the distance from which the loss is linear)");
}

TEST_CASE("labels that are no numbers of classes are told as they were given, with what to do") {
  Trace t("refused", "B");
  const Var x = t.input("x", f32({3, "B"})), given = t.input("y", f64({"B"}));
  const Var y = cast<float>(given), hot = t.input("hot", f32({3, "B"}));
  const int base = __LINE__ + 1;
  const auto losses = {CrossEntropy(), CrossEntropy({.smoothing = 0.1})};
  for (const Loss& loss : losses) {
    const char* name =
        loss.name() == "cross_entropy" ? "cross_entropy_with_logits" : "smoothed_cross_entropy";
    CHECK(message([&] { loss(x, y); }, base) ==
          fmt::format("error: {} takes logits [classes, batch] and integer labels [batch], got "
                      "f32[3, B] and f64[B]\n  --> line +0\n  help: keep labels as integers: "
                      "u8, i32 or i64",
                      name));
    CHECK(message([&] { loss(x, hot); }, base)
              .ends_with("got f32[3, B] and f32[3, B]\n  --> line +0\n  help: give the number of "
                         "each sample's class, argmax(labels, 0); for probabilities take "
                         "kl_divergence, of log_softmax(logits, 0)"));
  }
  CHECK(message([&] { Accuracy()(x, x.at(0) > 0); })
            .ends_with("f32[3, B] and bool[B]\n  --> line +0\n  help: keep labels as integers: u8, "
                       "i32 or i64"));
}

TEST_CASE("labels may have an axis of their own") {
  Trace t("labels", "B");
  const Var logits = t.input("logits", f64({2, "B"})), flat = t.input("flat", i32({"B"}));
  const Var labels = t.input("labels", i32({1, "B"}));
  for (const Var* y : {&flat, &labels}) {
    const std::string of = y == &flat ? "flat." : "";
    t.output(of + "loss", CrossEntropy()(logits, *y));
    t.output(of + "smoothed", CrossEntropy({.smoothing = 0.1})(logits, *y));
    t.output(of + "accuracy", accuracy(logits, *y));
    t.output(of + "count", Accuracy()(logits, *y).count);
  }
  Array classes = Array::zeros(Dtype::I32, {3}), column = Array::zeros(Dtype::I32, {1, 3});
  classes.integers = column.integers = {1, 0, 0};
  const auto results = run(t.finish(), {Array::of({2, 3}, {0, 1, 2, 3, 0, 4}), classes, column});
  for (std::size_t i = 0; i < 4; ++i) CHECK(results[i][0] == results[i + 4][0]);
  CHECK(results[7][0] == 3);
}

TEST_CASE("a loss that is no float scalar is told with the line where it was made") {
  Trace t("refused", "B");
  const Var x = t.input("x", f32({3, "B"}));
  const int base = __LINE__ + 1;
  const Loss each = [](const Var& output, const Var&) { return output * output; };
  const Loss count("count", [](const Var& x, const Var&) { return size(x, 1); });
  CHECK(message([&] { each(x, x); }, base) ==
        R"(error: the loss 'loss' is f32[3, B], and no float scalar
  --> line +0   this loss
  help: reduce it: mean(x) or sum(x))");
  CHECK(message([&] { count(x, x); }, base) ==
        R"(error: the loss 'count' is i64[], and no float scalar
  --> line +1   this loss
  help: cast it to the trainer's dtype)");
}

TEST_CASE("a mean over samples is of one number for each") {
  Trace t("refused", "B");
  const Var x = t.input("x", f32({3, "B"}));
  const int base = __LINE__ + 1;
  const Metric all = Mean("all", [](const Var& output, const Var&) { return output; });
  const Metric one = Mean("one", [](const Var& output, const Var&) { return mean(output); });
  CHECK(
      message([&] { all(x, x); }, base) ==
      R"(error: the metric 'all' is a mean over samples, and gives f32[3, B] for an output f32[3, B]
  --> line +0   this metric
  help: give one number for each sample: sum(x, {0}) of [n, B])");
  CHECK(message([&] { one(x, x); }, base) ==
        R"(error: the metric 'one' is a mean over samples, and gives f32[] for an output f32[3, B]
  --> line +1   this metric
  help: give one number for each sample: sum(x, {0}) of [n, B])");
}

TEST_CASE("of a record's fields a mean takes one with a number for each sample") {
  Trace t("record", "B");
  const Type type = Type::record({{"rows", f32({3, "B"})}, {"each", f32({"B"})}});
  const Var output = t.input("output", type);
  const Metric each = Mean("each", [](const Var& x, const Var&) { return x["each"]; });
  CHECK(each(output, output).sum.type().is_scalar());
}

TEST_CASE("metrics are sums and counts") {
  Trace t("metrics", "B");
  const Var logits = t.input("logits", f64({2, "B"})), labels = t.input("labels", i32({"B"}));
  const Metric::Part right = Accuracy()(logits, labels);
  const Metric off =
      Mean("top", [](const Var& output, const Var&) { return max_over(output, {0}); });
  t.output("sum", right.sum);
  t.output("count", right.count);
  t.output("off", off(logits, labels).sum);
  Array classes = Array::zeros(Dtype::I32, {3});
  classes.integers = {1, 0, 0};
  const auto results = run(t.finish(), {Array::of({2, 3}, {0, 1, 2, 3, 0, 4}), classes});
  // Columns (0, 3), (1, 0), (2, 4): classes 1, 0, 1.
  CHECK(results[0][0] == 2);
  CHECK(results[1][0] == 3);
  CHECK(results[2][0] == 3 + 1 + 4);
}

}  // namespace nodec::nn
