// The operations on values from which every op is lowered, so that it is lowered once for LLVM, for
// CUDA text and for whatever comes next.
//
// A Code is a value inside generated code, either *uniform* (one scalar) or *varying* (one scalar
// for each lane; lanes are samples, or the innermost axis of a dense loop). Mixing the two
// broadcasts the uniform one. Operations take operands of one Scalar kind unless they say
// otherwise. Arithmetic is IEEE, round to nearest; nothing is fused, split or reordered by a back
// end.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "ir/error.h"
#include "ir/type.h"

namespace nodec {

struct Op;

// Machine scalars. Index counts elements and is what addresses are made of, uniform, as wide as the
// machine addresses: no op sees one. U8 exists in memory only: a load widens it to I32, a store
// narrows I32.
enum class Scalar : std::uint8_t { Pred, I32, I64, F32, F64, Index, Pointer };

// What holds one computed element of this dtype.
inline Scalar scalar_kind(Dtype dtype) {
  switch (dtype) {
    case Dtype::Bool:
      return Scalar::Pred;
    case Dtype::U8:
    case Dtype::I32:
      return Scalar::I32;
    case Dtype::I64:
    case Dtype::Key:
      return Scalar::I64;
    case Dtype::F32:
      return Scalar::F32;
    case Dtype::F64:
      return Scalar::F64;
  }
  NODEC_CHECK(false, "a dtype numbered {}", int(dtype));
}

struct Code {
  void* handle = nullptr;  // the back end's own
  Scalar scalar = Scalar::F32;
  bool varying = false;
};

enum class Compare : std::uint8_t {
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge
};  // floats: ordered, Ne unordered; ints: signed

class Arithmetic {
 public:
  virtual ~Arithmetic() = default;

  // Constants are uniform; a Pred takes 0 or 1.
  virtual Code constant(Scalar scalar, double value) = 0;  // floats, and integers exact in double
  virtual Code constant_bits(Scalar scalar, std::uint64_t bits) = 0;

  // Floats and integers (integers wrap).
  virtual Code add(Code a, Code b) = 0;
  virtual Code sub(Code a, Code b) = 0;
  virtual Code mul(Code a, Code b) = 0;
  virtual Code neg(Code a) = 0;  // flips a float's sign bit
  // Floats, and integers, towards zero, by any but 0 and -1.
  virtual Code div(Code a, Code b) = 0;
  // Floats only.
  virtual Code fma(Code a, Code b, Code c) = 0;  // a*b + c, rounded once
  virtual Code sqrt(Code a) = 0;
  virtual Code abs(Code a) = 0;         // clears the sign bit
  virtual Code round_even(Code a) = 0;  // to the nearest integer, ties to even, as a float
  virtual Code floor(Code a) = 0;
  // Integers only.
  virtual Code bit_and(Code a, Code b) = 0;  // and Pred
  virtual Code bit_or(Code a, Code b) = 0;   // and Pred
  virtual Code bit_xor(Code a, Code b) = 0;  // and Pred
  virtual Code shift_left(Code a, int bits) = 0;
  virtual Code shift_right(Code a, int bits) = 0;  // fills with zeros
  virtual Code shift_right_signed(Code a, int bits) = 0;
  virtual Code mul_high_u32(Code a, Code b) = 0;  // I32 as unsigned: the upper 32 bits

  virtual Code compare(Compare how, Code a, Code b) = 0;  // -> Pred
  virtual Code select(Code pred, Code if_true, Code if_false) = 0;
  // always(), which is x wherever the predicate holds, as it nearly always does: a back end may
  // compute it only where it does not.
  virtual Code usually(Code usual, Code x, const std::function<Code()>& always) {
    (void)usual, (void)x;
    return always();
  }

  // Conversions. Float to integer truncates, saturates, and maps NaN to 0. I64 to I32 keeps the low
  // bits; I32 to I64 extends the sign. An Index converts to and from integers, wide enough for any
  // that counts something in memory.
  virtual Code bitcast(Code a, Scalar to) = 0;  // I32 <-> F32, I64 <-> F64
  virtual Code convert(Code a, Scalar to) = 0;  // Pred counts as 0 or 1
  // Float to integer for a value known to be in range (an expansion's own): no clamp.
  virtual Code convert_in_range(Code a, Scalar to) = 0;

  // What `write` makes of x: a function of x alone, tens of operations long, of this name. A back
  // end that can writes it once and calls it.
  virtual Code expansion(std::string_view name, std::span<const Code> x,
                         const std::function<Code(std::span<const Code>)>& write) {
    (void)name;
    return write(x);
  }
  // What follows stands for this op, and its line of the user's program where that is known: for
  // debuggers and for text that a person reads. Null: for none, still in the same line.
  virtual void at(const Op* op) { (void)op; }
};

}  // namespace nodec
