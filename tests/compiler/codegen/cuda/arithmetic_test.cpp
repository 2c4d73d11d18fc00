// Every operation on values as CUDA text, against the same operation done on the host: the same
// bits, on edges and random values, on the emulated GPU.
#include <random>

#include "tests/compiler/codegen/cuda/operations.h"
#include "tests/kernels/math/evaluating_arithmetic.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

template <typename T>
T edge_or_any(std::mt19937_64& random) {
  using L = std::numeric_limits<T>;
  if constexpr (std::is_floating_point_v<T>) {
    static constexpr T edges[] = {
        T(0),          T(1),           T(0.5),          T(1.5),          T(2.5),
        L::min(),      L::max(),       L::epsilon(),    L::denorm_min(), L::min() / 3,
        L::infinity(), L::quiet_NaN(), T(2147483648.0), T(9.3e18),       T(3e9),
        T(1e30),       T(88.7),        T(709.5)};
    const T sign = random() % 2 == 0 ? T(1) : T(-1);
    if (random() % 3 == 0) return sign * edges[random() % std::size(edges)];
    return std::ldexp(sign * T(double(random() >> 11) * 0x1p-53), int(random() % 60) - 40);
  } else {
    const T edges[] = {T(0), T(1), T(-1), L::min(), L::max(), T(2), T(12345)};
    return random() % 3 == 0 ? edges[random() % std::size(edges)] : T(random());
  }
}

template <typename T>
Tensor edges_of(unsigned seed) {
  std::mt19937_64 random(seed);
  Tensor tensor(dtype_of<T>(), {3, kSamples});
  for (T& value : tensor.values<T>()) value = edge_or_any<T>(random);
  return tensor;
}

// Bits, any NaN as good as any other.
template <typename T>
std::int64_t value_bits(T x) {
  if (x != x) return -1;
  std::int64_t bits = 0;
  std::memcpy(&bits, &x, sizeof x);
  return bits;
}

template <typename T>
void check_results(const ValueOperation& operation, const Tensor& in, Code wanted,
                   const Tensor& found) {
  for (int i = 0; i < kSamples; ++i) {
    const T a = EvaluatingArithmetic::values<T>(wanted)[i], b = found.values<T>()[std::size_t(i)];
    if (value_bits(a) == value_bits(b)) continue;
    const auto shown = [&](int j) {
      const std::size_t at = std::size_t(j * kSamples + i);
      if (in.dtype() == Dtype::F32) return fmt::format("{:a}", in.values<float>()[at]);
      if (in.dtype() == Dtype::F64) return fmt::format("{:a}", in.values<double>()[at]);
      if (in.dtype() == Dtype::I32) return fmt::format("{}", in.values<std::int32_t>()[at]);
      return fmt::format("{}", in.values<std::int64_t>()[at]);
    };
    FAIL_CHECK(operation.name << " of " << name(operation.operands) << " (" << shown(0) << ", "
                              << shown(1) << ", " << shown(2) << "): wanted "
                              << fmt::format("{}", a) << ", got " << fmt::format("{}", b));
    return;
  }
}

void check_operation(const ValueOperation& operation, const Tensor& in, const Tensor& found) {
  EvaluatingArithmetic host(kSamples);
  std::vector<Code> x;
  for (int j = 0; j < 3; ++j) {
    const auto at = std::size_t(j * kSamples);
    const auto operand = [&]<typename T>(Scalar scalar, std::span<const T> values) {
      x.push_back(host.input(scalar, values.data() + at));
    };
    if (in.dtype() == Dtype::F32) operand(Scalar::F32, in.values<float>());
    if (in.dtype() == Dtype::F64) operand(Scalar::F64, in.values<double>());
    if (in.dtype() == Dtype::I32) operand(Scalar::I32, in.values<std::int32_t>());
    if (in.dtype() == Dtype::I64) operand(Scalar::I64, in.values<std::int64_t>());
  }
  const Code wanted = operation.write(host, x);
  if (operation.result == Dtype::F32) check_results<float>(operation, in, wanted, found);
  if (operation.result == Dtype::F64) check_results<double>(operation, in, wanted, found);
  if (operation.result == Dtype::I32) check_results<std::int32_t>(operation, in, wanted, found);
  if (operation.result == Dtype::I64) check_results<std::int64_t>(operation, in, wanted, found);
}

}  // namespace

TEST_CASE("every operation and expansion as CUDA text gives the host's bits") {
  const std::vector<ValueOperation> operations = every_value_operation();
  const Tensor inputs[] = {edges_of<float>(1), edges_of<double>(2), edges_of<std::int32_t>(3),
                           edges_of<std::int64_t>(4)};
  for (const bool varying : {true, false}) {
    CAPTURE(varying);
    std::vector<Tensor> results;
    std::vector<const Tensor*> ports;
    for (const Tensor& in : inputs) ports.push_back(&in);
    for (const ValueOperation& each : operations)
      results.emplace_back(each.result, std::vector<std::int64_t>{kSamples});
    for (const Tensor& out : results) ports.push_back(&out);
    emulate({.watched = false}, ports, body_of(operations, varying));
    for (std::size_t k = 0; k < operations.size(); ++k) {
      check_operation(operations[k], inputs[port_of(operations[k].operands)], results[k]);
    }
  }
}

TEST_CASE("the least integer's absolute value is itself in CUDA text, as on a CPU") {
  const Tensor x = Tensor::of<std::int32_t>({4}, {INT32_MIN, -7, 0, INT32_MAX});
  const Tensor y = Tensor::of<std::int64_t>({4}, {INT64_MIN, -7, 0, INT64_MAX});
  Tensor a(Dtype::I32, {4}), b(Dtype::I64, {4});
  emulate({}, {&x, &y, &a, &b}, [](CudaEntry& p) {
    p.each(4, [&](Code i) {
      p.e.store(p.port(2), i, Dtype::I32, p.e.abs(p.e.load(p.port(0), i, Dtype::I32)));
      p.e.store(p.port(3), i, Dtype::I64, p.e.abs(p.e.load(p.port(1), i, Dtype::I64)));
    });
  });
  CHECK(std::ranges::equal(a.values<std::int32_t>(), std::vector{INT32_MIN, 7, 0, INT32_MAX}));
  CHECK(std::ranges::equal(b.values<std::int64_t>(),
                           std::vector<std::int64_t>{INT64_MIN, 7, 0, INT64_MAX}));
}

TEST_CASE("an Index counts, and turns into integers and back") {
  const Tensor x = Tensor::of<std::int64_t>({2}, {41, -3});
  Tensor y(Dtype::I64, {8}), z(Dtype::F64, {2});
  emulate({.symbol = 1000}, {&x, &y, &z}, [](CudaEntry& p) {
    CudaEmitter& e = p.e;
    const Code n = p.e.symbol(0);
    const auto keep = [&](int i, Code index) {
      e.store(p.port(1), p.index(i), Dtype::I64, e.convert(index, Scalar::I64));
    };
    e.once([&] {
      const Code k = e.convert(e.load(p.port(0), p.index(0), Dtype::I64), Scalar::Index);
      const Code minus = e.convert(
          e.convert(e.load(p.port(0), p.index(1), Dtype::I64), Scalar::I32), Scalar::Index);
      keep(0, e.add(e.mul(n, k), p.index(-1)));
      keep(1, e.quotient(n, k));
      keep(2, e.sub(minus, n));
      keep(3, e.neg(e.bit_and(k, p.index(15))));
      keep(4, e.shift_right(e.shift_left(n, 3), 2));
      keep(5, e.select(e.compare(Compare::Lt, n, k), n, k));
      keep(6, e.add(e.mul(p.index(3), p.index(4)), e.quotient(p.index(9), p.index(2))));
      keep(7, e.convert(e.convert(e.convert(n, Scalar::I32), Scalar::F32), Scalar::Index));
      e.store(p.port(2), p.index(0), Dtype::F64, e.convert(minus, Scalar::F64));
      e.store(p.port(2), p.index(1), Dtype::F64, e.convert(p.index(12), Scalar::F64));
    });
  });
  CHECK(std::ranges::equal(y.values<std::int64_t>(),
                           std::vector<std::int64_t>{40999, 24, -1003, -9, 2000, 41, 16, 1000}));
  CHECK(z.values<double>()[0] == -3);
  CHECK(z.values<double>()[1] == 12);
  CudaEntry p;
  CHECK_THROWS_WITH_AS(p.index(std::int64_t{1} << 31),
                       "error: a program for a GPU counts elements and bytes in 32 bits, and this "
                       "one needs the number 2147483648\n  help: make the tensors smaller, or run "
                       "it on the CPU",
                       Error);
}
