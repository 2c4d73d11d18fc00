// Loads, stores and movement between lanes, at 16, 8 and 4 lanes.
#include <doctest/doctest.h>

#include <numeric>
#include <span>

#include "tests/compiler/codegen/llvm/harness.h"

using namespace nodec;
using nodec::testing::Entry;
using nodec::testing::run;

namespace {

template <typename T>
Tensor counting(std::vector<std::int64_t> dims) {
  Tensor tensor(dtype_of<T>(), std::move(dims));
  T next = T(1);
  for (T& value : tensor.values<T>()) value = next, next = T(next + T(1));
  return tensor;
}

// Rows in an order that is not the memory's, from an odd column on, n neighbours of each; put down
// again as rows of another table, and one by one.
template <typename T>
void moves_rows(const CpuTarget& target, int n) {
  const int lanes = target.lanes;
  const std::int64_t width = 37, column = 5;
  const Tensor matrix = counting<T>({40, width});
  const Dtype stored = dtype_of<T>();
  const Dtype held = bytes(stored) == 1 ? Dtype::I32 : stored;
  Tensor columns(held, {n, lanes}), rows(stored, {40, width});
  const auto row = [&](int r) { return (r * 7 + 3) % 40; };
  run(target, {&matrix}, {&columns, &rows}, [&](Entry& p) {
    Emitter& e = p.e;
    const Code r =
        e.add(e.mul(e.lane_index(), e.constant(Scalar::I32, 7)), e.constant(Scalar::I32, 3));
    const Code forty = e.constant(Scalar::I32, 40);
    Code wrapped = r;
    for (int turn = 0; turn < 3; ++turn) {
      const Code over = e.compare(Compare::Ge, wrapped, forty);
      wrapped = e.select(over, e.sub(wrapped, forty), wrapped);
    }
    const Code wide = e.convert(wrapped, Scalar::I64);  // either will do
    const auto loaded = e.load_rows(p.port(0), n % 2 == 0 ? wrapped : wide, p.index(width),
                                    p.index(column), n, stored);
    REQUIRE(int(loaded.size()) == n);
    for (int c = 0; c < n; ++c) {
      e.store(p.port(1), p.index(c * lanes), held, loaded[std::size_t(c)]);
    }
    e.store_rows(p.port(2), wrapped, p.index(width), p.index(column), stored, loaded);
  });
  const auto at = [&](int r, int c) { return std::size_t(row(r) * width + column + c); };
  for (int c = 0; c < n; ++c) {
    for (int r = 0; r < lanes; ++r) {
      const auto i = std::size_t(c * lanes + r);
      const T wanted = matrix.values<T>()[at(r, c)];
      if constexpr (sizeof(T) == 1) {
        REQUIRE(T(columns.values<std::int32_t>()[i]) == wanted);
      } else {
        REQUIRE(columns.values<T>()[i] == wanted);
      }
      REQUIRE(rows.values<T>()[at(r, c)] == wanted);
    }
  }
  CHECK(rows.values<T>()[at(0, 0) - 1] == T(0));
  CHECK(rows.values<T>()[at(0, n - 1) + 1] == T(0));
}

template <typename T>
void moves_elements(const CpuTarget& target) {
  const int lanes = target.lanes;
  const Dtype stored = dtype_of<T>();
  const Tensor x = counting<T>({64});
  Tensor y(stored, {64}), gathered(stored, {lanes});
  run(target, {&x}, {&y, &gathered}, [&](Entry& p) {
    Emitter& e = p.e;
    // An unaligned run of lanes, a part of one, one element, and a scatter with stride two.
    e.store(p.port(1), p.index(3), stored, e.load_lanes(p.port(0), p.index(1), stored));
    const Code part = e.load_lanes_masked(p.port(0), p.index(40), stored, p.index(3));
    e.store_masked(p.port(1), p.index(40), stored, part, p.index(3));
    e.store(p.port(1), p.index(60), stored, e.load(p.port(0), p.index(9), stored));
    const Code lane = e.convert(e.lane_index(), Scalar::I64);
    const Code twice = e.shift_left(lane, 1);
    const Code picked = e.gather(p.port(0), e.add(twice, p.i64(2)), stored);
    const Code last = e.constant(Scalar::I32, lanes - 1);  // offsets may be of 32 bits, too
    e.scatter(p.port(2), e.sub(last, e.lane_index()), stored, picked);
  });
  const std::span<const T> in = x.values<T>(), out = y.values<T>(), picked = gathered.values<T>();
  for (int i = 0; i < lanes; ++i) {
    REQUIRE(out[std::size_t(3 + i)] == in[std::size_t(1 + i)]);
    REQUIRE(picked[std::size_t(lanes - 1 - i)] == in[std::size_t(2 + 2 * i)]);
  }
  CHECK(out[2] == T(0));
  CHECK(out[std::size_t(3 + lanes)] == T(0));
  CHECK(out[40] == in[40]);
  CHECK(out[42] == in[42]);
  CHECK(out[43] == T(0));
  CHECK(out[60] == in[9]);
  CHECK(out[61] == T(0));
}

}  // namespace

TEST_CASE("each lane reads and writes a row of its own, whatever the dtype and how many") {
  for (const CpuTarget& target : testing::targets()) {
    CAPTURE(target.lanes);
    for (const int n : {1, 3, target.lanes}) {
      moves_rows<std::uint8_t>(target, n);
      moves_rows<std::int32_t>(target, n);
      moves_rows<std::int64_t>(target, n);
      moves_rows<float>(target, n);
      moves_rows<double>(target, n);
    }
  }
}

TEST_CASE("elements move as runs, parts of runs, one by one and by index") {
  for (const CpuTarget& target : testing::targets()) {
    CAPTURE(target.lanes);
    moves_elements<std::uint8_t>(target);
    moves_elements<std::int32_t>(target);
    moves_elements<std::int64_t>(target);
    moves_elements<float>(target);
    moves_elements<double>(target);
  }
}

TEST_CASE("a masked load reads nothing beyond its count, for any count") {
  for (const CpuTarget& target : testing::targets()) {
    const int lanes = target.lanes;
    const Tensor x = counting<float>({16});
    Tensor y(Dtype::F32, {6, 16});
    const std::int64_t counts[] = {-3, 0, 1, lanes - 1, lanes, std::int64_t{1} << 40};
    run(target, {&x}, {&y}, [&](Entry& p) {
      for (int i = 0; i < 6; ++i) {
        const Code count = p.e.constant_bits(Scalar::Index, std::uint64_t(counts[i]));
        const Code v = p.e.load_lanes_masked(p.port(0), p.index(0), Dtype::F32, count);
        p.e.store(p.port(1), p.index(i * 16), Dtype::F32, v);
      }
    });
    for (int i = 0; i < 6; ++i) {
      for (int lane = 0; lane < lanes; ++lane) {
        REQUIRE(y.values<float>()[std::size_t(i * 16 + lane)] ==
                (lane < counts[i] ? float(lane + 1) : 0.0F));
      }
    }
  }
}

TEST_CASE("predicates are stored as bytes and bytes compare as integers") {
  for (const CpuTarget& target : testing::targets()) {
    const int lanes = target.lanes;
    const Tensor x = counting<float>({16});
    Tensor flags(Dtype::Bool, {16}), back(Dtype::F32, {16}), one(Dtype::Bool, {});
    run(target, {&x}, {&flags, &back, &one}, [&](Entry& p) {
      Emitter& e = p.e;
      const Code five = e.constant(Scalar::F32, 5);
      e.loop(p.index(0), p.index(16), p.index(lanes), {},
             [&](Code i, Emitter::Values) -> Emitter::Values {
               const Code v = e.load_lanes(p.port(0), i, Dtype::F32);
               e.store(p.port(1), i, Dtype::Bool, e.compare(Compare::Gt, v, five));
               const Code stored = e.load_lanes(p.port(1), i, Dtype::Bool);
               const Code again = e.compare(Compare::Ne, stored, e.constant(Scalar::I32, 0));
               e.store(p.port(2), i, Dtype::F32, e.select(again, v, e.neg(v)));
               return {};
             });
      const Code first = e.load(p.port(0), p.index(0), Dtype::F32);
      e.store(p.port(3), p.index(0), Dtype::Bool, e.compare(Compare::Lt, first, five));
    });
    for (std::size_t i = 0; i < 16; ++i) {
      const float v = float(i + 1);
      CHECK(flags.values<bool>()[i] == (v > 5));
      CHECK(back.values<float>()[i] == (v > 5 ? v : -v));
    }
    CHECK(one.values<bool>()[0]);
  }
}

TEST_CASE("lanes are numbered, broadcast and shifted; locals keep what is put there") {
  for (const CpuTarget& target : testing::targets()) {
    const int lanes = target.lanes;
    CAPTURE(lanes);
    const Tensor x = counting<double>({16});
    Tensor y(Dtype::F64, {4, 16}), numbers(Dtype::I32, {16});
    run(target, {&x}, {&y, &numbers}, [&](Entry& p) {
      Emitter& e = p.e;
      const Code scratch = e.local(16 * 8), other = e.local(8);
      e.store(scratch, p.index(0), Dtype::F64, e.load_lanes(p.port(0), p.index(0), Dtype::F64));
      e.store(other, p.index(0), Dtype::F64, e.constant(Scalar::F64, -1));
      const Code kept = e.load_lanes(scratch, p.index(0), Dtype::F64);
      for (int i = 0, distance = 1; distance < lanes; distance *= 2, ++i) {
        e.store(p.port(1), p.index(i * 16), Dtype::F64, e.shift_lanes(kept, distance));
      }
      const Code three = e.broadcast(e.constant(Scalar::I32, 3));
      e.store(p.port(2), p.index(0), Dtype::I32, e.add(e.lane_index(), three));
    });
    for (int lane = 0; lane < lanes; ++lane) {
      CHECK(numbers.values<std::int32_t>()[std::size_t(lane)] == lane + 3);
      for (int i = 0, distance = 1; distance < lanes; distance *= 2, ++i) {
        if (lane + distance >= lanes) continue;
        CHECK(y.values<double>()[std::size_t(i * 16 + lane)] == double(lane + distance + 1));
      }
    }
  }
}

TEST_CASE("whether something holds for one lane, and not for those of the next vector") {
  for (const CpuTarget& target : testing::targets()) {
    const int lanes = target.lanes;
    CAPTURE(lanes);
    const Tensor x = counting<double>({16});
    Tensor y(Dtype::Bool, {2});
    run(target, {&x}, {&y}, [&](Entry& p) {
      Emitter& e = p.e;
      const Code first = e.load_lanes(p.port(0), p.index(0), Dtype::F64);
      for (const int behind : {0, 1}) {
        const Code bound = e.constant(Scalar::F64, double(lanes - 1 + behind));
        const Code any = e.any(e.compare(Compare::Gt, first, bound));
        e.store(p.port(1), p.index(behind), Dtype::Bool, any);
      }
    });
    const auto* found = static_cast<const std::uint8_t*>(y.data());
    CHECK(found[0] == 1);
    CHECK(found[1] == 0);
  }
}
