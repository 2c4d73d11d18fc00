// Times products of matrices without a batch beside OpenBLAS's, in turn, and prints a line of JSON
// for each: medians in us, of nodec with 1 and 2 threads and of OpenBLAS with 1.
#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/nodec.h"

using namespace nodec;

namespace {

constexpr int kRuns = 15;

template <class Work>
double microseconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

void multiply(std::int64_t size, const float* a, const float* b, float* c) {
  const int n = int(size);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a, n, b, n, 0, c, n);
}
void multiply(std::int64_t size, const double* a, const double* b, double* c) {
  const int n = int(size);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a, n, b, n, 0, c, n);
}

// a * (a * ... (a * b)), small enough that nothing overflows.
template <class T>
void compare(const std::string& what, std::int64_t size, int times) {
  const Type type = Type::tensor(sizeof(T) == 4 ? Dtype::F32 : Dtype::F64, {size, size});
  const Program program = compile("products", {{"a", type}, {"b", type}}, [&](Var a, Var b) {
    Var c = b;
    for (int i = 0; i < times; ++i) c = matmul(a, c);
    return c;
  });
  const std::vector<std::int64_t> dims{size, size};
  Tensor a(type.dtype(), dims), b(type.dtype(), dims), c(type.dtype(), dims),
      next(type.dtype(), dims);
  for (std::int64_t i = 0; i < size * size; ++i) {
    a.values<T>()[std::size_t(i)] = T(i % 7 - 3) / T(size);
    b.values<T>()[std::size_t(i)] = T(i % 5 - 2);
  }
  const std::vector<TensorView> inputs{a.view(), b.view()}, outputs{c.view()};
  std::vector<double> one, two, blas;
  const auto run = [&](int threads) {
    CallOptions options;
    options.threads = threads;
    options.exact_team = true;
    return microseconds([&] { program.executable->call(inputs, outputs, options); });
  };
  const auto by_blas = [&] {
    const T* right = b.values<T>().data();
    for (int i = 0; i < times; ++i) {
      T* to = (i % 2 == 0 ? c : next).values<T>().data();
      multiply(size, a.values<T>().data(), right, to);
      right = to;
    }
  };
  for (int i = 0; i < kRuns; ++i) {
    one.push_back(run(1));
    blas.push_back(microseconds(by_blas));
    two.push_back(run(2));
  }
  fmt::print("{{\"what\": \"{}\", \"one\": {:.1f}, \"two\": {:.1f}, \"openblas\": {:.1f}}}\n", what,
             median(one), median(two), median(blas));
}

}  // namespace

int main() {
  openblas_set_num_threads(1);
  compare<float>("1024x1024 f32", 1024, 1);
  compare<double>("10 times 200x200 f64", 200, 10);
}
