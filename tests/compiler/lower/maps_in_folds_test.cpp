// Maps that one fold reads, and nothing else, are made inside it: in the plan, and to the bits of
// the program that keeps them.
#include "compiler/lower/maps_in_folds.h"

#include <fmt/ranges.h>

#include <cstring>
#include <regex>

#include "compiler/lower/lower.h"
#include "ir/plan_visit.h"
#include "tests/compiler/oracle.h"
#include "tests/contains.h"

namespace nodec::plan {
namespace {

using testing::contains;

// By hand: a fold over the second axis of what a map copies from a tensor [64, 9].
constexpr int kFrom = 0, kBetween = 1, kSums = 2, kOther = 3;
constexpr std::int64_t kLong = 1000;

Ref ref(int buffer, std::vector<std::int64_t> strides, std::int64_t start = 0) {
  return {buffer, -1, std::move(strides), start};
}
Node map(int from, int to) {
  return {DenseKernel{DenseMap{{64, 9}, {{nullptr, {ref(from, {9, 1})}, ref(to, {9, 1})}}}}};
}
Node fold(Ref from, std::vector<Dim> outer = {64}, std::vector<Dim> inner = {9}) {
  return {DenseKernel{DenseFold{std::move(outer),
                                std::move(inner),
                                {{nullptr, {std::move(from)}, {}}},
                                nullptr,
                                ref(kSums, {1})}}};
}
Node fold_of_between() { return fold(ref(kBetween, {9, 1})); }

Plan plan_of(Nodes body) {
  Plan plan;
  plan.buffers.resize(4);
  for (Buffer& b : plan.buffers) {
    b.space = Buffer::Space::Dense;
    b.count = Dim(64 * 9);
  }
  plan.body = std::move(body);
  return plan;
}

// What the last fold reads once the pass has seen the plan; none: it computes.
const Ref& read_by_fold(Plan& plan, const std::set<int>& kept = {}, std::int64_t longest = kLong) {
  lowering::make_maps_in_folds(plan, kept, longest);
  for (auto node = plan.body.rbegin(); node != plan.body.rend(); ++node) {
    const DenseKernel* dense = std::get_if<DenseKernel>(&node->what);
    const DenseFold* last = dense ? std::get_if<DenseFold>(dense) : nullptr;
    if (last) return *as_it_is(last->computes);
  }
  throw std::logic_error("no fold");
}
bool is_inside(Plan plan, const std::set<int>& kept = {}, std::int64_t longest = kLong) {
  const std::size_t before = plan.body.size();
  const bool inside = read_by_fold(plan, kept, longest).buffer == kFrom;
  CHECK(plan.body.size() == (inside ? before - 1 : before));
  return inside;
}

// "sum of r2 over [9]", as the plan is printed.
bool computes_in_a_fold(const std::string& text) {
  static const std::regex register_folded(" of r[0-9]+ over ");
  return std::regex_search(oracle::plan_text(text), register_folded);
}

// `text` yields the sums alone, `kept` what is summed as well, so that it is written.
void expect_bits_of_kept(const std::string& text, const std::string& kept, int outputs = 1) {
  CHECK(computes_in_a_fold(text));
  CHECK(!computes_in_a_fold(kept));
  const auto graph = oracle::read(text), whole = oracle::read(kept);
  const Program inside = oracle::compile_fresh(*graph), outside = oracle::compile_fresh(*whole);
  for (const std::int64_t batch : {1, 37}) {
    const auto inputs = oracle::inputs_for(*graph, {{"B", batch}, {"N", 50}});
    const auto want = oracle::run_compiled(outside, inputs);
    for (const int threads : {1, 3}) {
      const auto got = oracle::run_compiled(inside, inputs, threads);
      for (int i = 0; i < outputs; ++i) {
        INFO("output ", i, ", batch ", batch, ", threads ", threads);
        const auto at = std::size_t(i);
        CHECK(std::memcmp(got[at].data(), want[at].data(), want[at].bytes()) == 0);
      }
    }
  }
  oracle::expect_agreement(*graph, 2e-5, {1, 37});
}

std::string graph(const std::string& head, const std::string& body, const std::string& results) {
  return "graph f" + head + " {\n" + body + "  yield " + results + "\n}";
}

}  // namespace

TEST_CASE("a map that one fold reads is inside it") {
  CHECK(is_inside(plan_of({map(kFrom, kBetween), fold_of_between()})));
  CHECK(is_inside(plan_of({map(kFrom, kBetween), map(kOther, kSums), fold_of_between()})));
}

TEST_CASE("a map stays that others read, or that has no other place") {
  CHECK(!is_inside(plan_of({map(kFrom, kBetween), fold_of_between(), map(kBetween, kOther)})));
  CHECK(!is_inside(plan_of({map(kFrom, kBetween), fold_of_between(), fold_of_between()})));
  CHECK(!is_inside(plan_of({map(kOther, kBetween), map(kFrom, kBetween), fold_of_between()})));
  CHECK(!is_inside(plan_of({map(kFrom, kBetween), fold_of_between()}), {kBetween}));
  for (const auto space :
       {Buffer::Space::Output, Buffer::Space::FrameDense, Buffer::Space::ArgDense}) {
    Plan plan = plan_of({map(kFrom, kBetween), fold_of_between()});
    plan.buffers[kBetween].space = space;
    plan.signature.outputs.push_back({"between", Type::tensor(Dtype::F32, {64, 9}), -1});
    plan.buffers[kBetween].index = 0;
    CHECK(!is_inside(std::move(plan)));
  }
}

TEST_CASE("a map stays where what it reads is overwritten before the fold") {
  CHECK(!is_inside(plan_of({map(kFrom, kBetween), map(kOther, kFrom), fold_of_between()})));
  Plan turns = plan_of({map(kFrom, kBetween)});
  turns.body.push_back({While{{}, {}, 0, {map(kOther, kFrom)}}});
  turns.body.push_back(fold_of_between());
  CHECK(!is_inside(std::move(turns)));
  Plan call = plan_of({map(kFrom, kBetween), {Call{0, {}, {}}}, fold_of_between()});
  Function writes;
  writes.team = true;
  writes.body.push_back(map(kOther, kFrom));
  call.functions.push_back(std::move(writes));
  CHECK(!is_inside(std::move(call)));
}

TEST_CASE("a map stays where the sums go over what it reads, as the user may ask for") {
  for (const int alias : {-1, 0}) {
    Plan plan = plan_of({map(kFrom, kBetween), fold_of_between()});
    plan.buffers[kFrom].space = Buffer::Space::Input;
    plan.signature.inputs.push_back({"x", Type::tensor(Dtype::F32, {64, 9}), -1});
    plan.buffers[kSums].space = Buffer::Space::Output;
    plan.buffers[kSums].index = 1;
    plan.signature.outputs.push_back({"sums", Type::tensor(Dtype::F32, {64}), alias});
    CHECK(is_inside(std::move(plan)) == (alias < 0));
  }
}

TEST_CASE("a map stays where another frame of its tape may come between") {
  for (const bool comes : {false, true}) {
    Plan plan = plan_of({map(kFrom, kBetween), fold_of_between()});
    plan.buffers[kFrom].space = Buffer::Space::FrameDense;
    plan.buffers[kFrom].tape = 0;
    if (comes) plan.body.insert(plan.body.begin() + 1, Node{TapeFrame{}});
    CHECK(is_inside(std::move(plan)) == !comes);
  }
}

TEST_CASE("what else a map makes stays in it; what it makes of the same does not move") {
  for (const bool shared : {false, true}) {
    Plan plan = plan_of({map(kFrom, kBetween), fold_of_between()});
    auto& computes = std::get<DenseMap>(std::get<DenseKernel>(plan.body[0].what)).computes;
    computes.insert(computes.begin(), {nullptr, {ref(kOther, {9, 1})}, {}});
    const std::size_t of = shared ? 1 : 0;
    computes.push_back({nullptr, {Register{of}}, ref(kSums, {9, 1})});
    CHECK((read_by_fold(plan).buffer == kFrom) == !shared);
    const auto& left = std::get<DenseMap>(std::get<DenseKernel>(plan.body[0].what)).computes;
    CHECK(left.size() == (shared ? 3 : 2));
  }
}

TEST_CASE("a fold of few outputs, or that would be long, leaves its map to everybody") {
  CHECK(!is_inside(plan_of({map(kFrom, kBetween), fold(ref(kBetween, {1, 9}), {9}, {64})})));
  CHECK(is_inside(plan_of({map(kFrom, kBetween), fold_of_between()}), {}, 32));
  CHECK(!is_inside(plan_of({map(kFrom, kBetween), fold_of_between()}), {}, 31));
}

TEST_CASE("a fold reads a map's elements by its own indices") {
  const auto reads = [](std::vector<Dim> outer, std::vector<Dim> inner, Ref from) {
    Plan plan = plan_of({map(kFrom, kBetween), fold(std::move(from), outer, inner)});
    std::get<DenseMap>(std::get<DenseKernel>(plan.body[0].what)).computes[0].operands[0] =
        ref(kFrom, {100, 7}, 5);
    const Ref made = read_by_fold(plan);
    return fmt::format("{} {} {}", made.buffer == kFrom ? "inside" : "outside",
                       fmt::join(made.strides, ","), made.start);
  };
  CHECK(reads({64}, {9}, ref(kBetween, {9, 1})) == "inside 100,7 5");
  CHECK(reads({9, 8}, {8}, ref(kBetween, {1, 72, 9})) == "inside 7,800,100 5");
  CHECK(reads({64}, {3, 3}, ref(kBetween, {9, 3, 1})) == "inside 100,21,7 5");
  CHECK(reads({40}, {4}, ref(kBetween, {9, 2}, 20)) == "inside 100,14 219");
  // Twice, over the end, or across two axes.
  CHECK(contains(reads({64, 3}, {9}, ref(kBetween, {9, 0, 1})), "outside"));
  CHECK(contains(reads({40}, {3}, ref(kBetween, {1, 1})), "outside"));
  CHECK(contains(reads({64}, {9}, ref(kBetween, {9, 1}, 9)), "outside"));
  CHECK(contains(reads({288}, {2}, ref(kBetween, {2, 1})), "outside"));
}

TEST_CASE("folds of maps have the bits of folds of what was written") {
  const std::string head = "(%a: f32[37, 45, 5], %b: f32[45])";
  const std::string product =
      "  %bb = broadcast %b {dims = [1], shape = <37, 45, 5>}\n  %c = mul %a, %bb\n"
      "  %e = mul %c, %c\n";
  for (const char* axes : {"0", "1", "2", "0, 1", "1, 2"}) {
    for (const char* op : {"sum", "max_over"}) {
      const std::string sums = fmt::format("  %s = {} %e {{axes = [{}]}}\n", op, axes);
      if (std::string(axes) == "0, 1") {  // five outputs
        CHECK(!computes_in_a_fold(graph(head, product + sums, "%s")));
        continue;
      }
      INFO(op, " over ", axes);
      expect_bits_of_kept(graph(head, product + sums, "%s"), graph(head, product + sums, "%s, %e"));
    }
  }
}

TEST_CASE("what takes time is inside a fold where lanes of outputs find neighbours") {
  const std::string head = "(%a: f32[70, 45], %b: f32[70, 45])";
  const auto sums = [](int axis) {
    return fmt::format("  %c = sub %a, %b\n  %e = exp %c\n  %s = sum %e {{axes = [{}]}}\n", axis);
  };
  expect_bits_of_kept(graph(head, sums(0), "%s"), graph(head, sums(0), "%s, %e"));
  CHECK(!computes_in_a_fold(graph(head, sums(1), "%s")));
}

TEST_CASE(
    "a fold of a map through views, or of a generator, has the bits of one of what was written") {
  const std::string head = "(%n: f32[N, 40], %i: i32[40, 50])";
  const std::string body = R"(  %q = mul %n, %n
  %r = reshape %q {shape = <N, 8, 5>}
  %t = transpose %r {perm = [0, 2, 1]}
  %s = sum %t {axes = [2]}
  %k = iota {axis = 1, dtype = i32, shape = <40, 50>}
  %m = mul %k, %i
  %p = argmax %m {axis = 1}
)";
  expect_bits_of_kept(graph(head, body, "%s, %p"), graph(head, body, "%s, %p, %q, %m"), 2);
}

TEST_CASE("a map on samples that one fold reads is inside it, to the same bits") {
  const std::string head = " batch B (%x: f32[12, 50, B], %w: f32[40, 12])";
  const std::string body = R"(  %xs = broadcast %x {dims = [1, 2, 3], shape = <40, 12, 50, B>}
  %ws = broadcast %w {dims = [0, 1], shape = <40, 12, 50, B>}
  %p = mul %xs, %ws
  %s = sum %p {axes = [1]}
)";
  CHECK(!contains(oracle::plan_text(graph(head, body, "%s")), "map ["));
  expect_bits_of_kept(graph(head, body, "%s"), graph(head, body, "%s, %p"));
}

}  // namespace nodec::plan
