// Which arrays threads take back before an update: those that all have read, and no others.
#include <cmath>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"
#include "tests/contains.h"

namespace nodec {
namespace {

using testing::contains;

// A weight that each sample is multiplied by, its momentum that only the update reads.
std::string step(const char* update, int rows = 60, int columns = 70, const char* dtype = "f32") {
  return fmt::format(R"(graph g batch B (%w: {2}[{0}, {1}], %m: {2}[{0}, {1}], %x: {2}[{1}, B]) {{
  %y = matmul %w, %x {{ta = false, tb = false}}
  %g = matmul %y, %x {{ta = false, tb = true}}
  {3}
  %next = sub %w, %momentum
  yield %next as w over %w, %momentum as m over %m
}})",
                     rows, columns, dtype, update);
}

constexpr const char* kMomentum = "%momentum = add %m, %g";

std::string scheduled(const std::string& text, const char* device = "cpu") {
  return dump(*oracle::read(text), "schedule", device);
}

// Where the weight and its momentum are after three steps in place.
template <typename T>
std::vector<T> after_steps(const Program& program, int rows, int columns, int threads) {
  const Dtype dtype = sizeof(T) == 4 ? Dtype::F32 : Dtype::F64;
  Tensor w(dtype, {rows, columns}), m(dtype, {rows, columns}), x(dtype, {columns, 37});
  for (Tensor* t : {&w, &x}) {
    T value = T(t == &w ? 0.3 : 0.7);
    for (T& element : t->values<T>()) element = value = T(3.9) * value * (1 - value);
  }
  for (T& element : x.values<T>()) element /= T(columns);
  const std::vector<TensorView> inputs{w, m, x}, outputs{w, m};
  for (int i = 0; i < 3; ++i) {
    const CallOptions options{.threads = threads, .exact_team = true};
    require_success(program.executable->call(inputs, outputs, options),
                    program.executable->signature());
  }
  std::vector<T> all(w.values<T>().begin(), w.values<T>().end());
  all.insert(all.end(), m.values<T>().begin(), m.values<T>().end());
  return all;
}

template <typename T>
void expect_same_steps(int rows, int columns) {
  INFO(rows, " by ", columns, " of ", sizeof(T), " bytes");
  const std::string text = step(kMomentum, rows, columns, sizeof(T) == 4 ? "f32" : "f64");
  CHECK(contains(scheduled(text), "; claiming w#"));
  const Program program = oracle::compile_fresh(*oracle::read(text));
  const std::vector<T> alone = after_steps<T>(program, rows, columns, 1);
  CHECK(std::isfinite(alone.front()));
  for (const int threads : {2, 3, 5, 8}) {
    INFO(threads, " threads");
    CHECK(after_steps<T>(program, rows, columns, threads) == alone);
  }
}

}  // namespace

TEST_CASE("a parameter that all threads have read is claimed while its gradient is summed") {
  const std::string text = scheduled(step(kMomentum));
  CHECK(contains(text, "large contract"));
  CHECK(contains(text, "; claiming w#"));
  CHECK(!contains(text, "claiming m#"));
  oracle::expect_agreement(*oracle::read(step(kMomentum)), 2e-5, {1, 37, 128});
}

TEST_CASE("updates in place lose nothing to claims, whoever has how many columns") {
  expect_same_steps<float>(60, 70);
  expect_same_steps<float>(300, 17);  // two vectors of columns, for up to eight threads
  expect_same_steps<double>(70, 61);
}

TEST_CASE("what stands between the two may be anything that leaves the parameter alone") {
  const std::string clipped = step(R"(%square = mul %g, %g
  %norm = sum %square {axes = [0, 1]}
  %wide = broadcast %norm {dims = [], shape = <60, 70>}
  %scaled = div %g, %wide
  %momentum = add %m, %scaled)");
  CHECK(contains(scheduled(clipped), "; claiming w#"));
  oracle::expect_agreement(*oracle::read(clipped), 1e-4, {1, 37});
}

TEST_CASE("no array is claimed that is read between the two, or by the contraction") {
  const std::string decayed = step(R"(%along = mul %w, %g
  %slope = sum %along {axes = [0, 1]}
  %wide = broadcast %slope {dims = [], shape = <60, 70>}
  %scaled = div %g, %wide
  %momentum = add %m, %scaled)");
  // Rows of a table that is the weight.
  const std::string rows = R"(graph g batch B (%w: f32[70, 70], %i: i32[B], %x: f32[70, B]) {
  %h = gather %w, %i
  %g = matmul %x, %h {ta = false, tb = false}
  %next = sub %w, %g
  yield %next as w over %w
})";
  for (const std::string& text : {decayed, rows}) {
    CHECK(contains(scheduled(text), "large contract"));
    CHECK(!contains(scheduled(text), "claiming"));
    oracle::expect_agreement(*oracle::read(text), 1e-4, {1, 37});
  }
}

TEST_CASE("what is too much for the caches near a thread is not claimed") {
  const std::string large = scheduled(step(kMomentum, 600, 700));
  CHECK(contains(large, "large contract"));
  CHECK(!contains(large, "claiming"));
}

TEST_CASE("a GPU claims nothing") {
  CHECK(!contains(scheduled(step(kMomentum), "cuda:sm_90"), "claiming"));
}

}  // namespace nodec
