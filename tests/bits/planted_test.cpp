// Small changes that must change the bits, so that a comparison of bits is known to see them; and
// one that must not.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstring>
#include <optional>

#include "ir/parse.h"
#include "ir/rewrite.h"
#include "kernels/build.h"
#include "tests/bits/training.h"

namespace nodec::bits {
namespace {

// The body of the loop over the steps of the solve: it writes their tape.
Region* step_loop(Region& region) {
  for (const auto& op : region.ops) {
    const bool steps = op->primitive == &while_p &&
                       std::any_of(op->region(1).ops.begin(), op->region(1).ops.end(),
                                   [](const auto& o) { return o->primitive == &tape_write_p; });
    if (steps) return &op->region(1);
    for (const auto& inner : op->regions) {
      if (Region* found = step_loop(*inner)) return found;
    }
  }
  return nullptr;
}

// Splits the first fma on samples.
bool split_one_fma(Region& region) {
  bool done = false;
  return rewrite(region, [&](Builder& b, Op& op) -> std::optional<std::vector<Value*>> {
    if (done || op.primitive != &fma_p || !op.result()->type.mentions("B")) return std::nullopt;
    done = true;
    return std::vector<Value*>{add(b, mul(b, op.operands[0], op.operands[1]), op.operands[2])};
  });
}

// What one step on these images leaves of everything that is summed in chunks: all but the first
// dense layer's weights, whose sums are one chain over the samples.
Bits first_step(const Program& program, const mnist::ProgramOptions& options,
                const std::vector<std::int32_t>& rows) {
  Session training = session(program, options);
  set_rows(training, rows);
  training.step(2);
  Bits bits = training.bits();
  std::erase_if(bits, [](const auto& array) {
    return array.first.find("layer_2.weight") != std::string::npos;
  });
  return bits;
}

// Subnormal intermediate values, as samples, as a sum, and without a batch.
constexpr const char* kSubnormal = R"(graph subnormal batch B (%x: f32[3, B], %y: f32[5]) {
  %small = constant {dtype = f32, shape = <3, B>, value = 1e-30} : f32[3, B]
  %tiny = constant {dtype = f32, shape = <3, B>, value = 1e-10} : f32[3, B]
  %large = constant {dtype = f32, shape = <3, B>, value = 1e30} : f32[3, B]
  %1 = mul %x, %small : f32[3, B]
  %2 = mul %1, %tiny : f32[3, B]
  %3 = mul %2, %large : f32[3, B]
  %4 = sum %2 {axes = [0, 1]} : f32[]
  %less = constant {dtype = f32, shape = <5>, value = 1e-40} : f32[5]
  %5 = mul %y, %less : f32[5]
  yield %3, %4, %5
})";

#if defined(__x86_64__)
constexpr unsigned kFlush = 0x8040;  // results and operands that are subnormal become zero

EntryFunction flushed = nullptr;
void flush_inside(CallFrame* frame, std::int64_t thread) {
  _mm_setcsr(_mm_getcsr() | kFlush);
  flushed(frame, thread);
}

std::vector<Tensor> run_subnormal(const Executable& executable) {
  Tensor x(Dtype::F32, {3, 100}), y(Dtype::F32, {5});
  for (float& v : x.values<float>()) v = 1;
  for (float& v : y.values<float>()) v = 1;
  CallOptions options;
  options.threads = 2;
  options.exact_team = true;
  return executable.run(std::vector<TensorView>{x, y}, options);
}

bool all_zero(const Tensor& tensor) {
  for (const float v : tensor.values<float>()) {
    if (v != 0) return false;
  }
  return true;
}
#endif

}  // namespace

// A chunk is 32 samples, and a sum over four of them is (0 + 1) + (2 + 3): so 0 and 1 may change
// places, 1 and 2 may not.
TEST_CASE("planted: two chunks of samples swapped") {
  const mnist::ProgramOptions options;
  const Program program = compile_training(options);
  const std::vector<std::int32_t> rows = rows_of({}, 0);
  REQUIRE(rows.size() == 128);
  const auto swapped = [&](std::ptrdiff_t chunk) {
    std::vector<std::int32_t> other = rows;
    const auto at = other.begin() + 32 * chunk;
    std::swap_ranges(at, at + 32, at + 32);
    return first_step(program, options, other);
  };
  const Bits plain = first_step(program, options, rows);
  REQUIRE(plain.size() > 4);
  CHECK_SAME_BITS(plain, first_step(program, options, rows));
  CHECK_SAME_BITS(plain, swapped(0));
  CHECK_SAME_BITS(plain, swapped(2));
  CHECK_OTHER_BITS(plain, swapped(1));
}

TEST_CASE("planted: one fma split") {
  const mnist::ProgramOptions options;
  const Traced traced = mnist::trace_training(options);
  const std::unique_ptr<Graph> expanded = run_until(*traced.graph, "expand");
  const Bits whole = train(compile_expanded(*expanded), options, {});
  CHECK_SAME_BITS(whole, train(compile_fresh(*traced.graph), options, {}));
  Region* steps = step_loop(expanded->body);
  REQUIRE(steps != nullptr);
  REQUIRE(split_one_fma(*steps));
  CHECK_OTHER_BITS(whole, train(compile_expanded(*expanded), options, {}));
}

#if defined(__x86_64__)
TEST_CASE("planted: subnormal numbers flushed to zero inside the program; not by its caller") {
  const Program program = compile_fresh(*parse(kSubnormal, find_primitive));
  const std::vector<Tensor> wanted = run_subnormal(*program.executable);
  for (const Tensor& t : wanted) CHECK(!all_zero(t));

  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | kFlush);
  const std::vector<Tensor> called = run_subnormal(*program.executable);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  CHECK((after & kFlush) == kFlush);  // the caller's mode is the caller's again
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CHECK(std::memcmp(called[i].data(), wanted[i].data(), wanted[i].bytes()) == 0);
  }

  flushed = program.executable->entry();
  const Executable flushing(flush_inside, program.executable->signature(), program.executable);
  for (const Tensor& t : run_subnormal(flushing)) CHECK(all_zero(t));
  CHECK(_mm_getcsr() == before);
}
#endif

}  // namespace nodec::bits
