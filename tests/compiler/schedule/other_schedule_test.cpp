// A schedule decides time, never a bit: programs walked by schedules that differ from the usual in
// every number compute the same bits, by other instructions.
#include <cstring>

#include "compiler/lower/lower.h"
#include "compiler/nodec.h"
#include "compiler/schedule/functions.h"
#include "compiler/schedule/meetings.h"
#include "compiler/schedule/runs.h"
#include "compiler/schedule/schedule.h"
#include "examples/mnist/model.h"
#include "ir/float_mode.h"
#include "ir/plan_visit.h"
#include "tests/compiler/oracle.h"
#include "tests/compiler/scheduled.h"

namespace nodec::oracle {
namespace {

using namespace plan;

// How a schedule is made another.
struct Change {
  std::int64_t tile;  // of every axis
  int lanes;          // which of a dense kernel's axes, counted from the last; -1: none
  int team;           // and from the first
  bool own;           // whether small tensors stay each thread's own
  bool functions;     // whether anything stands out of line
  bool runs;  // whether kernels share loops, terms are loops, and neighbours are loaded at once
  std::int64_t unroll;
  bool flat;        // whether the team splits outputs one by one, whatever the lanes
  Machine machine;  // registers, panel and stack; lanes are the target's
};

Machine small_machine() {
  Machine machine = testing::back_end_for({}).machine({});
  machine.vector_registers = machine.vector_registers == 32 ? 16 : 32;
  machine.panel = 1000;
  machine.stack = 0;
  return machine;
}

class Changing {
 public:
  Changing(const Plan& plan, const Change& change) : plan_(plan), change_(change) {}

  Schedule run() {
    made_ = schedule(plan_, change_.machine);
    if (!change_.own) share_own();
    for (const Function& f : plan_.functions) walk(f.body);
    walk(plan_.body);
    made_.shared = true;
    made_.inline_expansions = change_.functions ? 1 : 1000;
    name_functions(plan_, made_);
    if (!change_.functions) {
      for (Loops& how : made_.loops) how.functions.clear();
    }
    made_.meetings = meetings(plan_, made_);
    if (change_.runs) share_loops();
    return std::move(made_);
  }

 private:
  const Plan& plan_;
  const Change& change_;
  Schedule made_;

  void share_loops() {
    join_runs(plan_, made_);
    for (const int id : only_in_runs(plan_, made_)) {
      made_.places[std::size_t(id)].kind = plan::Place::Kind::Register;
    }
    roll_terms(plan_, made_);
    made_.given = given_ports(plan_);
  }

  void share_own() {
    for (std::size_t i = 0; i < made_.places.size(); ++i) {
      plan::Place& place = made_.places[i];
      if (place.kind != plan::Place::Kind::Own) continue;
      const Buffer& b = plan_.buffers[i];
      place = {plan::Place::Kind::Team, int(made_.scratch.size())};
      made_.scratch.push_back({b.name, b.count * Dim(std::int64_t(bytes(b.dtype)))});
    }
    for (Loops& how : made_.loops) {
      how.who = how.who == Who::Each ? Who::Team : how.who;
    }
  }

  void walk(const Nodes& nodes) {
    for (const Node& node : nodes) {
      const auto kernel = std::size_t(node.kernel);
      if (const Tiles* tiles = std::get_if<Tiles>(&node.what)) {
        for (std::size_t i = 0; i < tiles->kernels.size(); ++i) {
          std::vector<Axis>& axes = made_.loops[kernel + i].axes;
          axes.resize(6);  // more than any has: an unroll for all
          for (Axis& a : axes) {
            const bool back = a.rest == Rest::Back;
            a = {change_.tile, a.lanes && change_.own};
            a.unroll = change_.unroll;
            a.rest = back ? Rest::Turns : Rest::Back;
          }
          if (const MatVec* product = std::get_if<MatVec>(&tiles->kernels[i]))
            load_at_once(axes[1], *product);
        }
      } else if (const DenseKernel* dense = std::get_if<DenseKernel>(&node.what)) {
        change(made_.loops[kernel], *dense);
      } else if (std::holds_alternative<ClearSlots>(node.what)) {
        made_.loops[kernel].axes[0].lanes = change_.own;
      }
      for (const Nodes* list : inside(node)) walk(*list);
    }
  }

  void load_at_once(Axis& inner, const MatVec& product) const {
    constexpr std::int64_t kRun = 2;
    if (!change_.runs || product.inner % kRun != 0 || product.weight.strides[1] != 1) return;
    inner.tile = kRun;
    inner.run = true;
  }

  void change(Loops& how, const DenseKernel& kernel) {
    if (const LargeContract* large = std::get_if<LargeContract>(&kernel)) {
      for (Axis& a : how.axes) a.tile = change_.tile;
      how.flat = change_.flat && large->rows % change_.tile == 0;
      how.packed = change_.tile != 2;
      how.axes[2].block = 16 * change_.tile;
      return;
    }
    how.packed = std::holds_alternative<DenseMatmul>(kernel) && change_.tile != 1;
    const int count = int(how.axes.size());
    for (int i = 0; i < count; ++i) {
      Axis& a = how.axes[std::size_t(i)];
      a = {change_.tile, change_.lanes >= 0 && count - 1 - i == change_.lanes % count,
           how.who == Who::Team && i == change_.team % count, how.packed ? 7 : 0};
    }
    if (how.who == Who::First) how.who = change_.tile == 3 ? Who::Team : Who::First;
    how.flat = change_.flat && how.who == Who::Team && !how.packed;
    for (Axis& a : how.axes) {
      a.unroll = change_.unroll;
      a.rest = change_.runs ? Rest::Turns : Rest::Tile;
      if (how.flat) a.lanes = false;
    }
  }
};

std::vector<Change> changes() {
  const Machine usual = testing::back_end_for({}).machine({});
  return {{1, -1, 0, true, false, true, 4, true, small_machine()},
          {3, 0, 1, false, true, false, 1, false, usual},
          {5, 1, 0, false, false, true, 2, false, usual},
          {3, 2, 2, true, true, true, 8, false, small_machine()},
          {2, 0, 1, false, true, true, 3, true, usual}};
}

struct Made {
  std::string object;
  std::shared_ptr<const Executable> executable;
};

Made made_by(const Plan& plan, const Schedule& how) {
  Artifact artifact{testing::back_end_for({}).code(plan, how, {}).object, plan.signature};
  artifact.signature.scratch = how.scratch;
  artifact.signature.lanes = how.machine.lanes;
  artifact.signature.shared = how.shared;
  return {artifact.object, testing::back_end_for({}).load(artifact, {})};
}

std::vector<Tensor> results(const Made& made, const std::vector<Array>& inputs, int threads,
                            const Bindings& symbols) {
  Program program;
  program.executable = made.executable;
  return run_compiled(program, inputs, threads, symbols);
}

void expect_same_bits(const std::string& what, const Graph& graph, const Bindings& symbols = {},
                      const Bindings& given = {}) {
  const DefaultFloatMode mode;
  INFO(what);
  const std::unique_ptr<Graph> last = run_until(graph, "sink");
  const Plan plan = lower(*last);
  std::vector<Array> inputs = inputs_for(graph, symbols);
  const std::map<std::string, double> numbers{
      {"t0", 0}, {"t1", 1}, {"dt", 0}, {"rtol", 1e-3}, {"atol", 1e-3}};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string& input = graph.body.arg(i)->name;  // "settings.layer_3.t0"
    const std::string name = input.substr(input.rfind('.') + 1);
    const auto found = numbers.find(name);
    if (found != numbers.end()) inputs[i].reals = {found->second};
    if (name == "max_steps") inputs[i].integers = {1000};
  }
  const Made usual = made_by(plan, schedule(plan, testing::back_end_for({}).machine({})));
  const std::vector<Tensor> want = results(usual, inputs, 1, given);
  int number = 0;
  for (const Change& change : changes()) {
    INFO("change ", number++);
    const Made other = made_by(plan, Changing(plan, change).run());
    CHECK(other.object != usual.object);
    for (const int threads : {1, 3}) {
      INFO("threads ", threads);
      const std::vector<Tensor> got = results(other, inputs, threads, given);
      for (std::size_t i = 0; i < want.size(); ++i) {
        INFO("output ", i);
        CHECK(std::memcmp(got[i].data(), want[i].data(), want[i].bytes()) == 0);
      }
    }
  }
}

}  // namespace

TEST_SUITE_BEGIN("slow");

TEST_CASE("another schedule computes MNIST's training step to the same bits") {
  for (const char* adjoint : {"discrete", "interpolating"}) {
    mnist::ProgramOptions options;
    options.adjoint = adjoint;
    const Traced traced = mnist::trace_training(options);
    expect_same_bits(adjoint, *traced.graph, {{"B", 37}, {"N", 50}});
  }
}

TEST_CASE(
    "another schedule computes a solve's gradient to the same bits, with a batch and without") {
  for (const bool batch : {false, true}) {
    Trace t("solve", batch ? "B" : "");
    const Shape state = batch ? Shape{20, Dim::symbol("B")} : Shape{20};
    const Var u0 = t.input("u0", Type::tensor(Dtype::F64, state));
    const Var w = t.input("w", Type::tensor(Dtype::F64, {20, 20}));
    const auto loss = [&](const std::vector<Var>& x) {
      return sum(solve([&](const Var& u) { return tanh(matmul(x[1], u)); }, x[0], 0, 1).u);
    };
    const auto [value, gradient] = value_and_grad(loss, std::vector<Var>{u0, w});
    t.output("loss", value);
    t.output("du", gradient[0]);
    t.output("dw", gradient[1]);
    expect_same_bits(batch ? "batch" : "no batch", *t.finish().graph, {{"B", 37}});
  }
}

TEST_CASE("another schedule computes products to the same bits") {
  for (const char* dtype : {"f32", "f64"}) {
    expect_same_bits(
        dtype,
        *read(fmt::format(
            R"(graph f (%a: {0}[37, 45], %b: {0}[45, 53], %s: {0}[37, 53], %v: {0}[45], %n: {0}[N, 9], %m: {0}[9, 53]) {{
  %ab = matmul %a, %b, %s {{ta = false, tb = false}}
  %at = matmul %b, %a {{ta = true, tb = true}}
  %row = reshape %v {{shape = <1, 45>}}
  %vb = matmul %row, %b {{ta = false, tb = false}}
  %column = reshape %v {{shape = <45, 1>}}
  %av = matmul %a, %column {{ta = false, tb = false}}
  %nm = matmul %n, %m {{ta = false, tb = false}}
  %nn = matmul %n, %n {{ta = true, tb = false}}
  yield %ab, %at, %vb, %av, %nm, %nn
}})",
            dtype)),
        {{"N", 21}});
  }
}

TEST_CASE("another schedule computes sums over samples and rows picked for them to the same bits") {
  expect_same_bits(
      "f32",
      *read(
          R"(graph f batch B (%x: f32[70, B], %z: f32[60, B], %t: f32[N, 37], %i: i32[B], %k: i32[]) {
  %zero = constant {dtype = f32, shape = <>, value = 0.0}
  %acc = broadcast %zero {dims = [], shape = <70, 60>}
  %n1, %sum = while %k, %acc, %x, %z {carried = 2} region (%n: i32[], %acc: f32[70, 60], %g: f32[70, B], %h: f32[60, B]) {
    %zero = constant {dtype = i32, shape = <>, value = 0}
    %go = gt %n, %zero
    yield %go
  } region (%n: i32[], %acc: f32[70, 60], %g: f32[70, B], %h: f32[60, B]) {
    %one = constant {dtype = i32, shape = <>, value = 1}
    %next = sub %n, %one
    %tg = tanh %g
    %th = tanh %h
    %p = matmul %g, %th {ta = false, tb = true}
    %q = matmul %tg, %h {ta = false, tb = true}
    %s = add %acc, %p
    %s2 = add %s, %q
    yield %next, %s2
  }
  %rows = gather %t, %i
  %e = tanh %rows
  %c = sum %e {axes = [0]}
  %m = max_over %e {axes = [1]}
  %l = sum %e {axes = [0, 1]}
  yield %sum, %rows, %c, %m, %l
})"),
      {{"B", 37}, {"N", 5}});
}

TEST_CASE("another schedule computes maps, folds and rows to the same bits") {
  expect_same_bits("f32",
                   *read(R"(graph f (%a: f32[37, 45, 3], %b: f32[45], %i: i32[70], %n: f32[N, 45]) {
  %bb = broadcast %b {dims = [1], shape = <37, 45, 3>}
  %c = mul %a, %bb
  %e = tanh %c
  %t = transpose %e {perm = [2, 0, 1]}
  %x = add %t, %t
  %s0 = sum %c {axes = [0]}
  %s2 = sum %c {axes = [2]}
  %s01 = sum %c {axes = [0, 1]}
  %s = sum %c {axes = [0, 1, 2]}
  %m = max_over %e {axes = [1]}
  %g = argmax %e {axis = 1}
  %p = gather %c, %i
  %q = gather %b, %i
  %k = iota {axis = 1, dtype = f32, shape = <37, 45, 3>}
  %kc = mul %k, %c
  %ns = sum %n {axes = [0]}
  %nt = sum %n {axes = [1]}
  %nb = broadcast %b {dims = [1], shape = <N, 45>}
  %tt = mul %n, %nb
  %d = mul %a, %a
  %sd = sum %d {axes = [0]}
  %kk = mul %k, %k
  %mk = max_over %kk {axes = [1]}
  %nn = mul %n, %n
  %sn = sum %nn {axes = [1]}
  yield %e, %x, %s0, %s2, %s01, %s, %m, %g, %p, %q, %kc, %ns, %nt, %tt, %sd, %mk, %sn
})"),
                   {{"N", 21}});
}

TEST_SUITE_END();

}  // namespace nodec::oracle
