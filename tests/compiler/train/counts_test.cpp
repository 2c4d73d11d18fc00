// The counts of a model's solves, wherever in it they stand; those that are not known have a name
// and a reason.
#include "compiler/train/trainer.h"
#include "tests/compiler/machine_code.h"
#include "tests/compiler/trace/traced.h"
#include "tests/compiler/train/lines.h"

namespace nodec::nn {
namespace {

using testing::line_loader;

Var after(const Var& u) {
  return solve([](const Var& v) { return sin(3 * v); }, u, 0, 1).u;
}

struct Counts {
  std::int64_t f_evals = 0, accepted = 0, rejected = 0;
  bool operator==(const Counts&) const = default;
};

Counts operator*(std::int64_t n, const Counts& c) {
  return {n * c.f_evals, n * c.accepted, n * c.rejected};
}

// A training step's, of a model of this function alone; its evaluation's are the same.
struct Trained {
  Counts counts;
  std::int64_t uncounted;
  std::vector<std::string> advice;
};

Trained trained(std::function<Var(const Var&)> f) {
  const Loader loader = line_loader(20, {.batch = 20});
  Trainer trainer(Chain({WrappedFunction(std::move(f))}), MeanSquared(), Sgd());
  const StepResult step = trainer.step(loader.batch(1, 0));
  const Evaluation used = trainer.evaluate(loader);
  const Counts counts{step.f_evals, step.accepted, step.rejected};
  CHECK(counts == Counts{used.f_evals, used.accepted, used.rejected});
  return {counts, step.uncounted, trainer.take_advice()};
}

}  // namespace

TEST_CASE("solves in loops, branches and calls are counted, over all turns together") {
  testing::require_machine_code();
  const Counts once = trained(after).counts;
  CHECK(once.f_evals == 2 + 6 * (once.accepted + once.rejected));
  // The solves begin where this one does, so that they take the same steps.
  const auto again = [](const Var& x, const Var& so_far) { return so_far + after(x); };
  const auto turns = [&](int n) {
    return [=](const Var& x) {
      return repeat(n, zeros_like(x), [&](const Var&, const Var& y) { return again(x, y); });
    };
  };
  CHECK(trained(turns(1)).counts == once);
  CHECK(trained(turns(5)).counts == 5 * once);
  CHECK(trained(turns(0)).counts == Counts{});
  const auto loop_in_loop = [&](const Var& x) {
    const auto inner = [&](const Var&, const Var& y) { return y + turns(2)(x); };
    return repeat(3, zeros_like(x), inner);
  };
  CHECK(trained(loop_in_loop).counts == 6 * once);
  const auto either = [](bool taken) {
    return [=](const Var& x) {
      const Var most = constant(taken ? 1.0 : -1.0);
      return cond(
          sum(x * x) * 0 < most, [&] { return after(x); }, [&] { return 2 * x; });
    };
  };
  CHECK(trained(either(true)).counts == once);
  CHECK(trained(either(false)).counts == Counts{});
  const auto called = [](const Var& x) { return call("one", after, x); };
  CHECK(trained(called).counts == once);
  const auto in_all = [&](const Var& x) {
    const auto two = [&](const Var& x) { return call("inner", turns(2), x) + after(x); };
    return repeat(2, x, [&](const Var&, const Var& y) { return y + 0 * call("outer", two, x); });
  };
  const Trained all = trained(in_all);
  CHECK(all.counts == 6 * once);
  CHECK(all.uncounted == 0);
  CHECK(all.advice.empty());
}

TEST_CASE("a solve whose counts cannot leave where it is has a name and a reason, once") {
  testing::require_machine_code();
  const auto nested = [](const Var& x) {
    return solve([](const Var& u) { return -after(u); }, x, 0, 1).u;
  };
  const Trained got = trained(nested);
  CHECK(got.uncounted == 1);
  CHECK(got.counts.f_evals > 0);  // of the outer one
  REQUIRE(got.advice.size() == 1);
  CHECK(got.advice[0].starts_with("note: the steps of the solve 'layer_1' ("));
  CHECK(got.advice[0].ends_with(
      "counts_test.cpp:14) are not counted: it is in the dynamics of another one"));
}

}  // namespace nodec::nn
