// Every operation on values and every expansion of kernels/math, as functions of operands of one
// kind, and a program of all of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ir/arithmetic.h"
#include "kernels/math/math.h"
#include "tests/compiler/codegen/cuda/harness.h"

namespace nodec::testing {

using Operands = std::span<const Code>;

struct ValueOperation {
  std::string name;
  Dtype operands, result;  // three operands, whether used or not
  std::function<Code(Arithmetic& e, Operands x)> write;
};

inline Code tame(Arithmetic& e, Code x, double limit) {
  const Code bound = e.constant(x.scalar, limit);
  return e.select(e.compare(Compare::Lt, e.abs(x), bound), x, bound);
}

inline std::vector<ValueOperation> float_operations(Dtype d) {
  const Scalar kind = scalar_kind(d);
  return {
      {"add", d, d, [](Arithmetic& e, Operands x) { return e.add(x[0], x[1]); }},
      {"sub", d, d, [](Arithmetic& e, Operands x) { return e.sub(x[0], x[1]); }},
      {"mul", d, d, [](Arithmetic& e, Operands x) { return e.mul(x[0], x[1]); }},
      {"div", d, d, [](Arithmetic& e, Operands x) { return e.div(x[0], x[1]); }},
      {"fma", d, d, [](Arithmetic& e, Operands x) { return e.fma(x[0], x[1], x[2]); }},
      {"mul then add", d, d,
       [](Arithmetic& e, Operands x) { return e.add(e.mul(x[0], x[1]), x[2]); }},
      {"neg", d, d, [](Arithmetic& e, Operands x) { return e.neg(x[0]); }},
      {"neg of a difference", d, d,
       [](Arithmetic& e, Operands x) { return e.neg(e.sub(x[0], x[1])); }},
      {"abs", d, d, [](Arithmetic& e, Operands x) { return e.abs(x[0]); }},
      {"sqrt", d, d, [](Arithmetic& e, Operands x) { return e.sqrt(x[0]); }},
      {"floor", d, d, [](Arithmetic& e, Operands x) { return e.floor(x[0]); }},
      {"round_even", d, d, [](Arithmetic& e, Operands x) { return e.round_even(x[0]); }},
      {"minimum", d, d,
       [](Arithmetic& e, Operands x) {
         return e.select(e.compare(Compare::Lt, x[0], x[1]), x[0], x[1]);
       }},
      {"maximum of zero", d, d,
       [](Arithmetic& e, Operands x) {
         const Code zero = e.constant(x[0].scalar, 0);
         return e.select(e.compare(Compare::Le, x[0], zero), zero, x[0]);
       }},
      {"to i32", d, Dtype::I32,
       [](Arithmetic& e, Operands x) { return e.convert(x[0], Scalar::I32); }},
      {"to i64", d, Dtype::I64,
       [](Arithmetic& e, Operands x) { return e.convert(x[0], Scalar::I64); }},
      {"in range of i32", d, Dtype::I32,
       [](Arithmetic& e, Operands x) {
         return e.convert_in_range(tame(e, x[0], 1e6), Scalar::I32);
       }},
      {"in range of i64", d, Dtype::I64,
       [](Arithmetic& e, Operands x) {
         return e.convert_in_range(tame(e, x[0], 1e6), Scalar::I64);
       }},
      {"to the other float", d, d == Dtype::F32 ? Dtype::F64 : Dtype::F32,
       [kind](Arithmetic& e, Operands x) {
         return e.convert(x[0], kind == Scalar::F32 ? Scalar::F64 : Scalar::F32);
       }},
      {"bits and back", d, d,
       [kind](Arithmetic& e, Operands x) {
         const Code bits = e.bitcast(x[0], kind == Scalar::F32 ? Scalar::I32 : Scalar::I64);
         return e.bitcast(e.bit_xor(bits, e.constant(bits.scalar, 1)), kind);
       }},
      {"predicates", d, d,
       [](Arithmetic& e, Operands x) {
         const Code zero = e.constant(x[0].scalar, 0), yes = e.constant(Scalar::Pred, 1);
         const Code a = e.compare(Compare::Lt, x[0], zero), b = e.compare(Compare::Lt, x[1], zero);
         const Code mixed = e.bit_or(e.bit_and(a, e.bit_xor(b, yes)), e.bit_xor(a, b));
         return e.add(e.convert(mixed, x[0].scalar),
                      e.convert(e.convert(e.compare(Compare::Eq, a, b), Scalar::I64), x[0].scalar));
       }},
  };
}

// Constants at the edges, each met by the first operand.
inline std::vector<ValueOperation> constant_operations(Dtype d) {
  std::vector<ValueOperation> all;
  const auto with = [&](const std::string& name, const std::function<Code(Arithmetic&)>& make) {
    all.push_back({"the constant " + name, d, d, [make](Arithmetic& e, Operands x) {
                     return e.select(e.compare(Compare::Eq, x[0], x[1]), x[0], make(e));
                   }});
  };
  const Scalar kind = scalar_kind(d);
  if (d == Dtype::F32 || d == Dtype::F64) {
    for (const double x : {0.0, -0.0, 1.0, -2.5, 0.1, 999999.9375, 1e6, -1e30, 0x1p-149,
                           -0x1.8p-140, 0x1p-1074, 3.5e38, -HUGE_VAL, std::nan("")}) {
      with(fmt::format("{}", x), [kind, x](Arithmetic& e) { return e.constant(kind, x); });
    }
    with("of bits", [kind](Arithmetic& e) { return e.constant_bits(kind, 0x3ff123456789abcd); });
  } else {
    for (const std::uint64_t bits : {0x0ULL, 0x7fffffffULL, 0x80000000ULL, 0xffffffffffffffffULL,
                                     0x8000000000000000ULL, 0x7fffffffffffffffULL}) {
      with(fmt::format("{:#x}", bits),
           [kind, bits](Arithmetic& e) { return e.constant_bits(kind, bits); });
    }
  }
  return all;
}

inline std::vector<ValueOperation> integer_operations(Dtype d) {
  const Scalar other = d == Dtype::I32 ? Scalar::I64 : Scalar::I32;
  std::vector<ValueOperation> all{
      {"add", d, d, [](Arithmetic& e, Operands x) { return e.add(x[0], x[1]); }},
      {"sub", d, d, [](Arithmetic& e, Operands x) { return e.sub(x[0], x[1]); }},
      {"mul", d, d, [](Arithmetic& e, Operands x) { return e.mul(x[0], x[1]); }},
      {"neg", d, d, [](Arithmetic& e, Operands x) { return e.neg(x[0]); }},
      {"and, or, xor", d, d,
       [](Arithmetic& e, Operands x) {
         const Code some = e.constant_bits(x[0].scalar, 0x55);
         return e.bit_xor(e.bit_and(x[0], x[1]), e.bit_or(x[0], some));
       }},
      {"shifts", d, d,
       [](Arithmetic& e, Operands x) {
         return e.add(e.shift_left(x[0], 3),
                      e.add(e.shift_right(x[0], 5), e.shift_right_signed(x[0], 7)));
       }},
      {"known numbers", d, d,
       [](Arithmetic& e, Operands x) {
         const auto n = [&](double k) { return e.constant(x[0].scalar, k); };
         const Code most = e.constant_bits(
             x[0].scalar, x[0].scalar == Scalar::I32 ? 0x7fffffffULL : 0x7fffffffffffffffULL);
         const Code wrapped = e.mul(e.add(most, n(1)), e.sub(n(3), most));  // all known
         Code y = e.add(e.mul(n(1), x[0]), n(0));
         y = e.sub(e.add(n(-7), y), n(0));
         return e.add(e.add(y, e.mul(n(0), x[1])), e.neg(wrapped));
       }},
      {"to f32", d, Dtype::F32,
       [](Arithmetic& e, Operands x) { return e.convert(x[0], Scalar::F32); }},
      {"to f64", d, Dtype::F64,
       [](Arithmetic& e, Operands x) { return e.convert(x[0], Scalar::F64); }},
      {"to the other width", d, d == Dtype::I32 ? Dtype::I64 : Dtype::I32,
       [other](Arithmetic& e, Operands x) { return e.convert(x[0], other); }},
  };
  if (d == Dtype::I32) {
    all.push_back({"mul_high_u32", d, d,
                   [](Arithmetic& e, Operands x) { return e.mul_high_u32(x[0], x[1]); }});
  } else {
    all.push_back({"to f64 by its bits", d, Dtype::F64,
                   [](Arithmetic& e, Operands x) { return e.bitcast(x[0], Scalar::F64); }});
  }
  return all;
}

// Each comparison in its own bit.
inline ValueOperation comparisons_of(Dtype d) {
  return {"compare", d, Dtype::I32, [](Arithmetic& e, Operands x) {
            Code mask = e.constant(Scalar::I32, 0);
            for (int how = 0; how < 6; ++how) {
              const Code bit = e.convert(e.compare(Compare(how), x[0], x[1]), Scalar::I32);
              mask = e.bit_or(mask, e.shift_left(bit, how));
            }
            return mask;
          }};
}

inline std::vector<ValueOperation> expansions_of(Dtype d) {
  struct Expansion {
    const char* name;
    Code (*write)(Arithmetic&, Code);
  };
  static constexpr Expansion expansions[] = {
      {"exp", math::exp},        {"exp2", math::exp2},       {"expm1", math::expm1},
      {"log", math::log},        {"log2", math::log2},       {"log1p", math::log1p},
      {"tanh", math::tanh},      {"sigmoid", math::sigmoid}, {"softplus", math::softplus},
      {"erf", math::erf},        {"sin", math::sin},         {"cos", math::cos},
      {"asin", math::asin},      {"acos", math::acos},       {"atan", math::atan},
      {"sinh", math::sinh},      {"cosh", math::cosh},       {"lgamma", math::lgamma},
      {"digamma", math::digamma}};
  std::vector<ValueOperation> all;
  for (const Expansion& f : expansions) {
    all.push_back({f.name, d, d, [f](Arithmetic& e, Operands x) {
                     return e.expansion(f.name, x.first(1),
                                        [&](Operands y) { return f.write(e, y[0]); });
                   }});
  }
  all.push_back({"atan2", d, d, [](Arithmetic& e, Operands x) {
                   return e.expansion("atan2", x.first(2),
                                      [&](Operands y) { return math::atan2(e, y[0], y[1]); });
                 }});
  all.push_back({"polygamma_3", d, d, [](Arithmetic& e, Operands x) {
                   return e.expansion("polygamma_3", x.first(1),
                                      [&](Operands y) { return math::polygamma(e, y[0], 3); });
                 }});
  all.push_back({"pow", d, d, [](Arithmetic& e, Operands x) {
                   return e.expansion("pow", x.first(2),
                                      [&](Operands y) { return math::pow(e, y[0], y[1]); });
                 }});
  return all;
}

inline std::vector<ValueOperation> every_value_operation() {
  std::vector<ValueOperation> all;
  const auto more = [&](std::vector<ValueOperation> some) {
    all.insert(all.end(), some.begin(), some.end());
  };
  for (const Dtype d : {Dtype::F32, Dtype::F64}) {
    more(float_operations(d));
    more(expansions_of(d));
  }
  for (const Dtype d : {Dtype::I32, Dtype::I64}) more(integer_operations(d));
  for (const Dtype d : {Dtype::F32, Dtype::F64, Dtype::I32, Dtype::I64}) {
    more(constant_operations(d));
    more({comparisons_of(d)});
  }
  return all;
}

inline constexpr int kSamples = 1500;

// Ports 0 to 3: three operands of each of these, one after another.
inline constexpr Dtype kOperands[] = {Dtype::F32, Dtype::F64, Dtype::I32, Dtype::I64};

inline int port_of(Dtype operands) {
  return int(std::find(std::begin(kOperands), std::end(kOperands), operands) - kOperands);
}

// Each operation's results in a port of its own, from port 4 on.
inline CudaBody body_of(const std::vector<ValueOperation>& operations, bool varying) {
  return [&operations, varying](CudaEntry& p) {
    for (std::size_t k = 0; k < operations.size(); ++k) {
      const ValueOperation& operation = operations[k];
      const Code in = p.port(port_of(operation.operands)), out = p.port(int(4 + k));
      p.each(kSamples, [&](Code i) {
        std::vector<Code> x;
        for (int j = 0; j < 3; ++j) {
          const Code at = p.e.add(i, p.index(j * kSamples));
          x.push_back(varying ? p.e.load_lanes(in, at, operation.operands)
                              : p.e.load(in, at, operation.operands));
        }
        p.e.store(out, i, operation.result, operation.write(p.e, x));
      });
    }
  };
}

}  // namespace nodec::testing
