// Loops, branches, functions and what a team does together, as CUDA text on the emulated GPU.
#include "tests/compiler/codegen/cuda/harness.h"

using namespace nodec;
using namespace nodec::testing;

TEST_CASE("states of a CUDA loop that change places do so at once") {
  Tensor y(Dtype::I64, {4});
  emulate({}, {&y}, [](CudaEntry& p) {
    CudaEmitter& e = p.e;
    const Emitter::Values last =
        e.loop(p.index(0), p.index(10), p.index(3), {p.i64(1), p.i64(20), p.i64(300), p.i64(0)},
               [&](Code i, const Emitter::Values& s) -> Emitter::Values {
                 return {s[1], s[2], s[0], e.add(s[3], e.convert(i, Scalar::I64))};
               });
    const Emitter::Values fibonacci = e.while_loop(
        {p.i64(0), p.i64(1)},
        [&](const Emitter::Values& s) { return e.compare(Compare::Lt, s[1], p.i64(1000)); },
        [&](const Emitter::Values& s) -> Emitter::Values {
          return {s[1], e.add(s[0], s[1])};
        });
    e.once([&] {
      // 4 turns of a turn of three: as after one.
      e.store(p.port(0), p.index(0), Dtype::I64, last[0]);
      e.store(p.port(0), p.index(1), Dtype::I64, e.sub(last[2], last[1]));
      e.store(p.port(0), p.index(2), Dtype::I64, last[3]);
      e.store(p.port(0), p.index(3), Dtype::I64, fibonacci[1]);
    });
  });
  CHECK(std::ranges::equal(y.values<std::int64_t>(),
                           std::vector<std::int64_t>{20, 1 - 300, 18, 1597}));
}

TEST_CASE("CUDA branches nest, in loops, and yield what was known on one side only") {
  // Collatz: how many turns until 1; 0 is left alone.
  const Tensor starts = Tensor::of<std::int64_t>({5}, {1, 6, 27, 97, 0});
  Tensor turns(Dtype::I64, {5});
  emulate({}, {&starts, &turns}, [](CudaEntry& p) {
    CudaEmitter& e = p.e;
    const Code one = p.i64(1);
    p.each(5, [&](Code i) {
      const Code start = e.load(p.port(0), i, Dtype::I64);
      const Emitter::Values count = e.branch(
          e.compare(Compare::Gt, start, p.i64(0)),
          [&]() -> Emitter::Values {
            const Emitter::Values last = e.while_loop(
                {start, p.i64(0)},
                [&](const Emitter::Values& s) { return e.compare(Compare::Ne, s[0], one); },
                [&](const Emitter::Values& s) -> Emitter::Values {
                  const Code half = e.shift_right(s[0], 1);
                  const Code even = e.compare(Compare::Eq, e.mul(half, p.i64(2)), s[0]);
                  const Emitter::Values next = e.branch(
                      even,
                      [&] {
                        return Emitter::Values{half, one};
                      },
                      [&] {
                        return Emitter::Values{e.add(e.mul(s[0], p.i64(3)), one), one};
                      });
                  CHECK(e.name(next[1]) == e.name(one));  // both sides yield it
                  return {next[0], e.add(s[1], next[1])};
                });
            return {last[1]};
          },
          [&] { return Emitter::Values{p.i64(-1)}; });
      e.store(p.port(1), i, Dtype::I64, count[0]);
    });
  });
  CHECK(std::ranges::equal(turns.values<std::int64_t>(),
                           std::vector<std::int64_t>{0, 8, 111, 118, -1}));
}

TEST_CASE("what a CUDA block made is made again outside it, and what a loop changes is not kept") {
  Tensor y(Dtype::F32, {4});
  emulate({}, {&y}, [](CudaEntry& p) {
    CudaEmitter& e = p.e;
    const Code x = e.convert(e.members(), Scalar::F32), two = p.f32(2);
    const auto put = [&](int i, Code value) { e.store(p.port(0), p.index(i), Dtype::F32, value); };
    const Code first = e.compare(Compare::Eq, p.thread(), p.index(0));
    e.branch(
        first, [&] { return put(0, e.mul(x, two)), Emitter::Values{}; },
        [] { return Emitter::Values{}; });
    e.once([&] { put(1, e.mul(x, two)); });
    const Emitter::Values s =
        e.loop(p.index(0), p.index(3), p.index(1), {p.f32(1)},
               [&](Code, const Emitter::Values& v) { return Emitter::Values{e.mul(v[0], two)}; });
    e.once([&] { put(2, e.mul(s[0], two)); });
    const Emitter::Values none = e.branch(
        first, [] { return Emitter::Values{}; }, [&] { return Emitter::Values{}; });
    CHECK(none.empty());
    const Code others = e.compare(Compare::Ne, p.thread(), p.index(1));
    e.branch(
        others, [] { return Emitter::Values{}; }, [&] { return put(3, x), Emitter::Values{}; });
  });
  CHECK(y.values<float>()[0] == 2);
  CHECK(y.values<float>()[1] == 2);
  CHECK(y.values<float>()[2] == 16);
  CHECK(y.values<float>()[3] == 1);
}

TEST_CASE("CUDA functions call functions, keep locals of their own and return early") {
  const Tensor x = Tensor::of<double>({3}, {1, -1, 4});
  Tensor y(Dtype::F64, {3});
  emulate({}, {&x, &y}, [](CudaEntry& p) {
    CudaEmitter& e = p.e;
    const Scalar kinds[] = {Scalar::Pointer, Scalar::F64, Scalar::Index};
    int square = -1;
    const int outer =
        e.function(Scope::Team, "1st: outer-most", kinds, [&](std::span<const Code> a) {
          square =
              e.function(Scope::Member, "square if positive", kinds, [&](std::span<const Code> b) {
                const Code cell = e.local(8);
                e.return_if(e.compare(Compare::Lt, b[1], e.constant(Scalar::F64, 0)));
                e.store(cell, p.index(0), Dtype::F64, b[1]);
                const Code v = e.load(cell, p.index(0), Dtype::F64);
                e.store(b[0], b[2], Dtype::F64, e.mul(v, v));
              });
          e.call(square, a);
        });
    p.each(3, [&](Code i) {
      const Code arguments[] = {p.port(1), e.load(p.port(0), i, Dtype::F64), i};
      e.call(outer, arguments);
    });
  });
  CHECK(std::ranges::equal(y.values<double>(), std::vector<double>{1, 0, 16}));
}

TEST_CASE("members of a CUDA team meet, share memory and tape frames, and one reports") {
  Tensor y(Dtype::I64, {2, 64}), frames(Dtype::I64, {4});
  const KernelShape shape{.parts = 2, .shared_bytes = 64 * 8};
  const auto report = emulate({.blocks = 2, .shape = shape}, {&y, &frames}, [](CudaEntry& p) {
    CudaEmitter& e = p.e;
    const Code mine = e.known(Scalar::Index, "member_thread()");
    const Code other = e.sub(p.index(63), mine), row = e.mul(e.member(), p.index(64));
    e.store(e.shared(), mine, Dtype::I64, e.convert(e.add(mine, row), Scalar::I64));
    e.barrier(Scope::Member);
    e.store(p.port(0), e.add(row, mine), Dtype::I64, e.load(e.shared(), other, Dtype::I64));
    // A function counts frames with its caller.
    const Scalar kinds[] = {Scalar::Index};
    const int write = e.function(Scope::Team, "write", kinds, [&](std::span<const Code> n) {
      const Code frame = e.tape_frame(p.index(0), n[0], true);
      e.once([&] { e.store(frame, p.index(0), Dtype::I64, e.convert(n[0], Scalar::I64)); });
    });
    p.e.loop(p.index(0), p.index(8), p.index(1), {}, [&](Code n, const Emitter::Values&) {
      e.call(write, std::vector{n});
      return Emitter::Values{};
    });
    e.barrier(Scope::Team);
    const Code read = e.tape_frame(p.index(0), p.index(5), false),
               full = e.tape_frame(p.index(0), p.index(8), true);
    const Code first = e.is_first(), refused = e.is_null(full);
    e.branch(
        first,
        [&] {
          e.store(p.port(1), p.index(0), Dtype::I64, e.load(read, p.index(0), Dtype::I64));
          e.store(p.port(1), p.index(1), Dtype::I64, e.convert(refused, Scalar::I64));
          e.store(p.port(1), p.index(2), Dtype::I64, e.convert(e.is_null(read), Scalar::I64));
          e.store(p.port(1), p.index(3), Dtype::I64, e.convert(e.members(), Scalar::I64));
          return Emitter::Values{};
        },
        [] { return Emitter::Values{}; });
    e.return_if(refused);
    e.once([&] { e.store(e.outcome(), p.index(0), Dtype::I64, p.i64(77)); });
  });
  for (std::size_t i = 0; i < 128; ++i)
    CHECK(y.values<std::int64_t>()[i] == std::int64_t(i / 64 * 64 + 63 - i % 64));
  CHECK(std::ranges::equal(frames.values<std::int64_t>(), std::vector<std::int64_t>{5, 1, 0, 2}));
  CHECK(report[0] == 0);   // it left before
  CHECK(report[18] == 0);  // which tape was full
  CHECK(report[19] == 9);  // and how many frames it would have held
}

TEST_CASE("misuse of the CUDA emitter is our own mistake, named") {
  CudaEntry p;
  Emitter& e = p.e;
  const Code x = p.f32(1), n = p.i64(1), one = p.index(1);
  CHECK_THROWS_AS(e.add(x, n), std::logic_error);
  CHECK_THROWS_AS(e.store(e.outcome(), n, Dtype::F64, x), std::logic_error);
  CHECK_THROWS_AS(e.store(e.outcome(), one, Dtype::F64, x), std::logic_error);
  CHECK_THROWS_AS(e.bit_and(x, x), std::logic_error);
  CHECK_THROWS_AS(e.loop(one, one, one, {x},
                         [&](Code, Emitter::Values) { return Emitter::Values{e.broadcast(x)}; }),
                  std::logic_error);
  CHECK_THROWS_AS(e.branch(
                      e.constant(Scalar::Pred, 1), [&] { return Emitter::Values{x}; },
                      [&] { return Emitter::Values{n}; }),
                  std::logic_error);
}
