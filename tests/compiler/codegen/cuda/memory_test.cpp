// Loads, stores, rows, tables and locals as CUDA text, on the emulated GPU with every access
// watched.
#include <numeric>

#include "tests/compiler/codegen/cuda/harness.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

template <typename T>
Tensor counted_up(std::vector<std::int64_t> dims) {
  Tensor tensor(dtype_of<T>(), std::move(dims));
  T next = T(1);
  for (T& value : tensor.values<T>()) value = next, next = T(next + T(1));
  return tensor;
}

// Each thread moves an element of its own by every way there is.
template <typename T>
void moves_elements_of() {
  constexpr Dtype stored = dtype_of<T>();
  const Tensor x = counted_up<T>({100});
  Tensor y(stored, {5, 32});
  emulate({}, {&x, &y}, [&](CudaEntry& p) {
    CudaEmitter& e = p.e;
    const Code t = p.thread(), in = p.port(0);
    const auto out = [&](int row) {
      return e.pointer_add(p.port(1), p.index(row * 32 * std::int64_t(sizeof(T))));
    };
    e.store(out(0), t, stored, e.load_lanes(in, e.add(t, p.index(3)), stored));
    const Code left = e.sub(p.index(20), t);
    e.store_masked(out(1), t, stored, e.load_lanes_masked(in, e.mul(t, p.index(4)), stored, left),
                   left);
    const Code reads_nothing = e.load_lanes_masked(in, p.index(1 << 20), stored, p.index(0));
    e.store_masked(out(2), t, stored, reads_nothing, p.index(1));
    const Code lane = e.add(e.convert(t, Scalar::I32), e.lane_index());
    const Code back = e.sub(e.constant(Scalar::I32, 31), lane);
    const Code wide = e.convert(lane, Scalar::I64);
    e.scatter(out(3), back, stored, e.gather(in, e.shift_left(wide, 1), stored));
    e.store(out(4), t, stored, e.load(in, p.index(9), stored));
  });
  const auto in = x.values<T>();
  const auto out = y.values<T>();
  for (std::size_t t = 0; t < 32; ++t) {
    CHECK(out[t] == in[t + 3]);
    CHECK(out[32 + t] == (t < 20 ? in[4 * t] : T(0)));
    CHECK(out[64 + t] == T(0));
    CHECK(out[96 + 31 - t] == in[2 * t]);
    CHECK(out[128 + t] == in[9]);
  }
}

template <typename T>
void moves_rows_of(int n) {
  constexpr std::int64_t kWidth = 21, kColumn = 5;
  constexpr Dtype stored = dtype_of<T>();
  const Tensor x = counted_up<T>({32, kWidth});
  Tensor y(stored, {32, kWidth});
  emulate({}, {&x, &y}, [&](CudaEntry& p) {
    CudaEmitter& e = p.e;
    const Code row = e.broadcast(e.convert(p.thread(), n % 2 == 0 ? Scalar::I32 : Scalar::I64));
    const Code stride = p.index(kWidth), column = p.index(kColumn);
    const std::vector<Code> found = e.load_rows(p.port(0), row, stride, column, n, stored);
    REQUIRE(int(found.size()) == n);
    e.store_rows(p.port(1), row, stride, column, stored, found);
  });
  for (int i = 0; i < 32 * kWidth; ++i) {
    const bool moved = i % kWidth >= kColumn && i % kWidth < kColumn + n;
    CHECK(y.values<T>()[std::size_t(i)] == (moved ? x.values<T>()[std::size_t(i)] : T(0)));
  }
}

}  // namespace

TEST_CASE("threads move elements of every dtype, masked or not, by index or in a row") {
  moves_elements_of<std::uint8_t>();
  moves_elements_of<std::int32_t>();
  moves_elements_of<std::int64_t>();
  moves_elements_of<float>();
  moves_elements_of<double>();
}

TEST_CASE("threads move rows of their own") {
  moves_rows_of<std::uint8_t>(1);
  moves_rows_of<std::uint8_t>(16);
  moves_rows_of<float>(3);
  moves_rows_of<double>(16);
  moves_rows_of<std::int64_t>(2);
}

TEST_CASE("predicates are bytes in memory, and bytes are integers in registers") {
  const Tensor x = counted_up<float>({32});
  Tensor flags(Dtype::Bool, {32}), bytes(Dtype::U8, {32}), back(Dtype::I32, {32});
  emulate({}, {&x, &flags, &bytes, &back}, [](CudaEntry& p) {
    CudaEmitter& e = p.e;
    const Code t = p.thread();
    e.store(p.port(1), t, Dtype::Bool,
            e.compare(Compare::Gt, e.load_lanes(p.port(0), t, Dtype::F32), p.f32(5)));
    const Code flag = e.load_lanes(p.port(1), t, Dtype::Bool);
    CHECK(flag.scalar == Scalar::I32);
    e.store(p.port(2), t, Dtype::U8, e.sub(e.constant(Scalar::I32, 0), flag));  // 255
    e.store(p.port(3), t, Dtype::I32, e.load_lanes(p.port(2), t, Dtype::U8));
  });
  for (std::size_t i = 0; i < 32; ++i) {
    CHECK(flags.values<bool>()[i] == (i + 1 > 5));
    CHECK(back.values<std::int32_t>()[i] == (i + 1 > 5 ? 255 : 0));
  }
}

TEST_CASE("tables are exact, one for equal numbers, and in global memory when they are many") {
  const std::vector<double> values{0.0, -0.0, 0.1, -1e30, HUGE_VAL, 3};
  const std::vector<double> whole{0, -1, 77};
  Tensor f(Dtype::F32, {6}), d(Dtype::F64, {6}), i(Dtype::I32, {3}), l(Dtype::I64, {3}),
      u(Dtype::U8, {3});
  for (const bool many : {false, true}) {
    const auto body = [&](CudaEntry& p) {
      CudaEmitter& e = p.e;
      if (many) e.data(Dtype::F64, std::vector<double>(8000, 1.0));
      const std::pair<Dtype, const std::vector<double>*> tables[] = {{Dtype::F32, &values},
                                                                     {Dtype::F64, &values},
                                                                     {Dtype::I32, &whole},
                                                                     {Dtype::I64, &whole},
                                                                     {Dtype::U8, &whole}};
      for (int k = 0; k < 5; ++k) {
        const auto& [dtype, numbers] = tables[k];
        const Code table = e.data(dtype, *numbers);
        CHECK(e.name(e.data(dtype, *numbers)) == e.name(table));
        p.each(std::int64_t(numbers->size()), [&, dtype = dtype](Code at) {
          e.store(p.port(k), at, dtype, e.load(table, at, dtype));
        });
      }
    };
    emulate({}, {&f, &d, &i, &l, &u}, body);
    for (std::size_t k = 0; k < 6; ++k) {
      CHECK(std::bit_cast<std::uint32_t>(f.values<float>()[k]) ==
            std::bit_cast<std::uint32_t>(float(values[k])));
      CHECK(std::bit_cast<std::uint64_t>(d.values<double>()[k]) ==
            std::bit_cast<std::uint64_t>(values[k]));
    }
    CHECK(std::ranges::equal(i.values<std::int32_t>(), std::vector{0, -1, 77}));
    CHECK(std::ranges::equal(l.values<std::int64_t>(), std::vector{0, -1, 77}));
    CHECK(std::ranges::equal(u.values<std::uint8_t>(), std::vector{0, 255, 77}));
    const std::string text = written(body).functions;
    CHECK((text.find("static __device__ const") != std::string::npos) == many);
    CHECK((text.find("static __constant__ const") != std::string::npos) == !many);
  }
}

TEST_CASE("locals keep what is put there, and threads shift values to their neighbours") {
  Tensor y(Dtype::F64, {2, 32}), z(Dtype::Bool, {32});
  emulate({}, {&y, &z}, [](CudaEntry& p) {
    CudaEmitter& e = p.e;
    const Code t = p.thread(), mine = e.convert(t, Scalar::F64);
    const Code many = e.local(16 * 8);
    e.loop(p.index(0), p.index(16), p.index(1), {}, [&](Code i, const Emitter::Values&) {
      const Code inner = e.local(8);
      e.store(inner, p.index(0), Dtype::F64, e.mul(mine, e.convert(i, Scalar::F64)));
      e.store(many, i, Dtype::F64, e.load(inner, p.index(0), Dtype::F64));
      return Emitter::Values{};
    });
    e.store(p.port(0), t, Dtype::F64, e.load(many, p.index(15), Dtype::F64));
    e.store(p.port(0), e.add(t, p.index(32)), Dtype::F64, e.shift_lanes(mine, 4));
    const Code odd = e.compare(Compare::Ne, e.bit_and(t, p.index(1)), p.index(0));
    e.store(p.port(1), t, Dtype::Bool, e.shift_lanes(odd, 1));
  });
  for (std::size_t t = 0; t < 32; ++t) {
    CHECK(y.values<double>()[t] == 15 * double(t));
    CHECK(y.values<double>()[32 + t] == double(t % 16 + 4 < 16 ? t + 4 : t));
    CHECK(z.values<bool>()[t] == ((t % 16 + 1 < 16 ? t + 1 : t) % 2 != 0));
  }
}
