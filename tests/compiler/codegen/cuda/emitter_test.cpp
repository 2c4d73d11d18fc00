// The CUDA text itself: what a person reads.
#include "compiler/codegen/cuda/emitter.h"

#include "kernels/catalogue.h"
#include "tests/compiler/codegen/cuda/harness.h"
#include "tests/compiler/codegen/op_at.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

// A bit of everything.
void small_program(CudaEntry& p) {
  CudaEmitter& e = p.e;
  const Scalar kinds[] = {Scalar::Pointer, Scalar::F32};
  const int keep = e.function(Scope::Team, "keep", kinds, [&](std::span<const Code> a) {
    e.once([&] { e.store(a[0], p.index(0), Dtype::F32, a[1]); });
    e.barrier(Scope::Team);
  });
  const Op ones[] = {op_at(exp_p, {"models/model.cpp", 12, "layer_3"}),
                     op_at(mul_p, {"models/model.cpp", 13, {}}),
                     op_at(select_p, {"models/model.cpp", 14, {}})};
  e.at(&ones[0]);
  const Code x = p.port(0), thread = p.thread();
  const Code weights = e.data(Dtype::F32, std::vector<double>{0.5, 2});
  const Emitter::Values sum = e.loop(p.index(0), e.symbol(0), p.index(1), {e.broadcast(p.f32(0))},
                                     [&](Code i, const Emitter::Values& s) {
                                       const Code at = e.add(e.mul(i, p.index(16)), thread);
                                       const Code value = e.load_lanes(x, at, Dtype::F32);
                                       e.at(&ones[1]);
                                       const Code weight =
                                           e.load(weights, e.bit_and(i, p.index(1)), Dtype::F32);
                                       return Emitter::Values{e.fma(weight, value, s[0])};
                                     });
  e.at(&ones[2]);
  const Code halved =
      e.expansion("half of", sum, [&](std::span<const Code> y) { return e.mul(y[0], p.f32(0.5)); });
  const Code big = e.compare(Compare::Gt, halved, p.f32(0.1));
  const Code put = e.select(big, p.f32(0.1), halved);
  e.at(nullptr);
  e.store(p.port(1), thread, Dtype::F32, put);
  const Code first = e.load(p.port(1), p.index(0), Dtype::F32);
  const Code few = e.compare(Compare::Lt, e.symbol(0), p.index(3));
  const Emitter::Values last = e.branch(
      few, [&] { return Emitter::Values{e.sqrt(first)}; }, [&] { return Emitter::Values{first}; });
  e.call(keep, std::vector{e.pointer_add(p.port(1), p.index(64)), last[0]});
}

}  // namespace

TEST_CASE("the CUDA text of a small program is one that a person can read") {
  const CudaEmitter::Text text = written(small_program);
  CHECK(text.functions == R"(static __constant__ const __align__(64) u32 table_6[2] = {
  0x3f000000, 0x40000000,
};

NODEC_OUTLINE void keep_1(const Frame& frame, i64* written, u8* const p_2, const float x_3) {
  if (is_first()) {
    ((float*)p_2)[0] = x_3;
  }
  team_meet(frame);
}

NODEC_INLINE float half_of_f32_18(const float x_19) {
  const float x_20 = x_19 * 0.5f;
  return x_20;
}

)");
  CHECK(text.entry == R"(  i64 written[NODEC_TAPES] = {};
  // layer_3, model.cpp:12
  u8* const p_4 = frame.ports[0];
  const int n_5 = team_thread();
  const int n_7 = (int)frame.symbols[0];
  float exp_8 = 0.0f;
  #pragma unroll 1
  for (int n_9 = 0; n_9 < n_7; ++n_9) {
    const int n_10 = n_9 * 16;
    const int n_11 = n_10 + n_5;
    u8* const p_12 = (u8*)((float*)p_4 + n_11);
    const float exp_13 = ((const float*)p_12)[0];
    // model.cpp:13
    const int n_14 = n_9 & 1;
    u8* const p_15 = (u8*)((float*)(u8*)table_6 + n_14);
    const float mul_16 = ((const float*)p_15)[0];
    const float mul_17 = fma_rn(mul_16, exp_13, exp_8);
    exp_8 = mul_17;
  }
  // model.cpp:14
  const float select_21 = half_of_f32_18(exp_8);
  const bool b_22 = select_21 > 0x1.99999ap-4f;
  const float select_23 = select(b_22, 0x1.99999ap-4f, select_21);
  u8* const p_24 = frame.ports[1];
  u8* const p_25 = (u8*)((float*)p_24 + n_5);
  ((float*)p_25)[0] = select_23;
  const float x_26 = ((const float*)p_24)[0];
  const bool b_27 = n_7 < 3;
  float x_29;
  if (b_27) {
    const float x_28 = square_root(x_26);
    x_29 = x_28;
  } else {
    x_29 = x_26;
  }
  keep_1(frame, written, (p_24 + 64), x_29);
)");
}

TEST_CASE("the user's lines stand in CUDA text for debuggers, on request") {
  CudaEmitter e(true);
  const Op load = op_at(neg_p, {.file = "/somewhere/model.cpp", .line = 12});
  const Op product = op_at(fma_p, {.file = "/somewhere/model.cpp", .line = 13});
  e.at(&load);
  const Code x = e.load(e.port(0), e.index(0), Dtype::F32);
  const std::vector<Code> run = e.load_run(e.port(0), e.index(4), 4, Dtype::F32);
  e.loop(
      e.index(0), e.index(8), e.index(1), {},
      [&](Code i, const Emitter::Values&) {
        e.at(&product);
        const Code to = e.port(1);
        e.store(to, i, Dtype::F32, e.fma(x, run[3], x));
        return Emitter::Values{};
      },
      8);
  CHECK(e.text().entry == R"(  i64 written[NODEC_TAPES] = {};
#line 12 "model.cpp"
  u8* const p_1 = frame.ports[0];
#line 12 "model.cpp"
  const float neg_2 = ((const float*)p_1)[0];
#line 12 "model.cpp"
  const Run<float, 4> run_3 = load_run<4>(&((const float*)p_1)[4]);
#line 12 "model.cpp"
  #pragma unroll 8
  for (int n_4 = 0; n_4 < 8; ++n_4) {
#line 13 "model.cpp"
    u8* const p_5 = frame.ports[1];
#line 13 "model.cpp"
    const float fma_6 = fma_rn(neg_2, run_3.at[3], neg_2);
#line 13 "model.cpp"
    u8* const p_7 = (u8*)((float*)p_5 + n_4);
#line 13 "model.cpp"
    ((float*)p_7)[0] = fma_6;
  }
)");
}

TEST_CASE("CUDA literals are exact, short where they can be") {
  CudaEntry p;
  const auto shown = [&](Scalar scalar, double x) { return p.e.name(p.e.constant(scalar, x)); };
  CHECK(shown(Scalar::F32, 3) == "3.0f");
  CHECK(shown(Scalar::F32, -0.0) == "-0.0f");
  CHECK(shown(Scalar::F64, -2.0625) == "-2.0625");
  CHECK(shown(Scalar::F32, 0.1) == "0x1.99999ap-4f");
  CHECK(shown(Scalar::F64, 1e6) == "0x1.e848p+19");
  CHECK(shown(Scalar::F32, HUGE_VAL) == "float_of((int)0x7f800000u)");
  CHECK(shown(Scalar::F64, -HUGE_VAL) == "double_of((i64)0xfff0000000000000ull)");
  CHECK(shown(Scalar::Pred, 1) == "true");
  CHECK(shown(Scalar::I64, -5) == "-5ll");
  CHECK(shown(Scalar::I32, -0x1p31) == "(-2147483647 - 1)");
  CHECK(shown(Scalar::I64, -0x1p63) == "(-9223372036854775807ll - 1)");
}

TEST_CASE("long lists of CUDA arguments go on in the next line") {
  CudaEntry p;
  const std::vector<Scalar> kinds(30, Scalar::F64);
  const int wide = p.e.function(Scope::Team, "wide", kinds, [](std::span<const Code>) {});
  p.e.call(wide, std::vector<Code>(30, p.e.convert(p.thread(), Scalar::F64)));
  const CudaEmitter::Text text = p.e.text();
  for (const std::string& part : {text.functions, text.entry}) {
    std::size_t begin = 0;
    for (std::size_t end; (end = part.find('\n', begin)) != std::string::npos; begin = end + 1) {
      CHECK(end - begin <= 100);
    }
    CHECK(part.find(",\n    ") != std::string::npos);
  }
}

TEST_CASE("no name of the user's own leaves its place in CUDA text") {
  CudaEntry p;
  const int odd =
      p.e.function(Scope::Team, "*/ 7__x(); \xc3\xa9", {}, [](std::span<const Code>) {});
  const Op op = op_at(exp_p, {"a/b\n#error \\", 3, "layer\\"});
  p.e.at(&op);
  p.e.call(odd, {});
  const CudaEmitter::Text text = p.e.text();
  CHECK(text.functions == "NODEC_OUTLINE void f_7_x_1(const Frame& frame, i64* written) {\n}\n\n");
  CHECK(
      text.entry ==
      "  i64 written[NODEC_TAPES] = {};\n  // layer?, b?#error ?:3\n  f_7_x_1(frame, written);\n");
}
