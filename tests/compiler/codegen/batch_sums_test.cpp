// The order in which a sum over the batch is made (semantics: 16 slots a chunk of 32 samples,
// chunks by stride doubling, then slots), bit for bit against plain loops.
#include <array>
#include <cmath>
#include <cstring>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

// Terms of every size, so that another order of additions ends elsewhere.
float term(std::int64_t sample) {
  const double turn = double(sample * 7919 % 1009) / 1009;
  return float(std::ldexp(std::sin(40 * turn) + 0.1, int(sample * 31 % 21) - 10));
}

float in_order(std::int64_t samples) {
  std::vector<std::array<float, 16>> chunks(std::size_t((samples + 31) / 32));
  for (std::int64_t b = 0; b < samples; ++b) chunks[std::size_t(b / 32)][b % 16] += term(b);
  const std::size_t n = chunks.size();
  for (std::size_t s = 1; s < n; s *= 2) {
    for (std::size_t i = 0; i + s < n; i += 2 * s) {
      for (std::size_t l = 0; l < 16; ++l) chunks[i][l] += chunks[i + s][l];
    }
  }
  std::array<float, 16>& slots = chunks[0];
  for (std::size_t w = 8; w > 0; w /= 2) {
    for (std::size_t l = 0; l < w; ++l) slots[l] += slots[l + w];
  }
  return slots[0];
}

}  // namespace

TEST_CASE("a sum over the batch is one tree for every number of chunks") {
  const Program program = oracle::compile_fresh(*oracle::read(R"(graph g batch B (%x: f32[B]) {
  %s = sum %x {axes = [0]}
  yield %s
})"));
  int orders_told_apart = 0;
  for (std::int64_t chunks = 1; chunks <= 70; ++chunks) {
    const std::int64_t samples = 32 * chunks - 5;
    Tensor x(Dtype::F32, {samples}), sum(Dtype::F32, {});
    float in_a_row = 0;
    for (std::int64_t b = 0; b < samples; ++b) {
      x.values<float>()[std::size_t(b)] = term(b);
      in_a_row += term(b);
    }
    const float want = in_order(samples);
    orders_told_apart += in_a_row != want ? 1 : 0;
    for (const int threads : {1, 3}) {
      INFO(chunks, " chunks, ", threads, " threads");
      const CallOptions options{.threads = threads, .exact_team = true};
      program.executable->call(std::vector<TensorView>{x}, std::vector<TensorView>{sum}, options);
      CHECK(std::memcmp(sum.data(), &want, sizeof want) == 0);
    }
  }
  CHECK(orders_told_apart > 60);
}

}  // namespace nodec
