// What a back end can write: the few operations from which every lowering is made, so that an op is
// lowered once for LLVM, CUDA text and whatever comes next.
//
// A Code is a value inside generated code, either *uniform* (one scalar) or *varying* (one scalar
// for each lane; lanes are samples, or the innermost axis of a dense loop). Mixing the two
// broadcasts the uniform one. Operations take operands of one Scalar kind unless they say
// otherwise. Arithmetic is IEEE, round to nearest; nothing is fused, split or reordered by a back
// end. An emitter takes no tiling decision: the plan has taken them all.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/error.h"
#include "ir/type.h"

namespace nodec {

// Machine scalars. U8 exists in memory only: a load widens it to I32, a store narrows I32.
enum class Scalar : std::uint8_t { Pred, I32, I64, F32, F64, Pointer };

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

class Emitter {
 public:
  virtual ~Emitter() = default;
  virtual int lanes() const = 0;  // lanes of a varying value, of any scalar kind

  // Constants are uniform; a Pred takes 0 or 1.
  virtual Code constant(Scalar scalar, double value) = 0;  // floats, and integers exact in double
  virtual Code constant_bits(Scalar scalar, std::uint64_t bits) = 0;

  // Floats and integers (integers wrap).
  virtual Code add(Code a, Code b) = 0;
  virtual Code sub(Code a, Code b) = 0;
  virtual Code mul(Code a, Code b) = 0;
  virtual Code neg(Code a) = 0;  // flips a float's sign bit
  // Floats only.
  virtual Code div(Code a, Code b) = 0;
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
  virtual Code div_signed(Code a, Code b) = 0;    // truncates; uniform only

  virtual Code compare(Compare how, Code a, Code b) = 0;  // -> Pred
  virtual Code select(Code pred, Code if_true, Code if_false) = 0;

  // Conversions. Float to integer truncates, saturates, and maps NaN to 0. I64 to I32 keeps the low
  // bits; I32 to I64 extends the sign.
  virtual Code bitcast(Code a, Scalar to) = 0;  // I32 <-> F32, I64 <-> F64
  virtual Code convert(Code a, Scalar to) = 0;  // Pred counts as 0 or 1
  // Float to integer for a value known to be in range (an expansion's own): no clamp.
  virtual Code convert_in_range(Code a, Scalar to) = 0;

  // Memory. `base` is a Pointer, `offset` a uniform I64 in elements of `stored`.
  virtual Code pointer_add(Code base, Code bytes) = 0;                // bytes: uniform I64
  virtual Code load(Code base, Code offset, Dtype stored) = 0;        // uniform
  virtual Code load_lanes(Code base, Code offset, Dtype stored) = 0;  // lanes consecutive elements
  virtual void store(Code base, Code offset, Dtype stored,
                     Code value) = 0;  // uniform or consecutive lanes
  // The first `count` (uniform I64) lanes only; other lanes read as zero and are not written.
  virtual Code load_lanes_masked(Code base, Code offset, Dtype stored, Code count) = 0;
  virtual void store_masked(Code base, Code offset, Dtype stored, Code value, Code count) = 0;
  // Each lane at its own element offset (`offsets`: varying I64 or I32).
  virtual Code gather(Code base, Code offsets, Dtype stored) = 0;
  virtual void scatter(Code base, Code offsets, Dtype stored, Code value) = 0;
  // A block of lanes x lanes elements, row r at element offset rows[r] (uniform I64, `lanes` of
  // them): returns column c as a varying value whose lane r is row r's element c.
  virtual std::vector<Code> load_transposed(Code base, std::span<const Code> rows,
                                            Dtype stored) = 0;
  // The lanes' own transpose: lane r of result c is lane c of x[r]; x has lanes() values.
  virtual std::vector<Code> transpose(std::span<const Code> x) = 0;
  virtual Code data(Dtype stored, std::span<const double> values) = 0;  // constant, of the program
  virtual Code local(std::int64_t bytes) = 0;  // 64-byte aligned storage of this call

  // Lanes.
  virtual Code broadcast(Code uniform) = 0;
  virtual Code lane_index() = 0;                     // varying I32: 0, 1, 2, ...
  virtual Code extract(Code varying, int lane) = 0;  // -> uniform

  // Control. Loop state is given and returned in order; `body` receives the state, yields the next.
  using Values = std::vector<Code>;
  // for (index = begin; index < end; index += step), all uniform I64, rolled.
  virtual Values loop(Code begin, Code end, std::int64_t step, Values state,
                      const std::function<Values(Code index, Values state)>& body) = 0;
  // do-while free: tests a uniform Pred before each turn.
  virtual Values while_loop(Values state, const std::function<Code(const Values&)>& test,
                            const std::function<Values(Values)>& body) = 0;
  virtual Values branch(Code pred, const std::function<Values()>& then_body,
                        const std::function<Values()>& else_body) = 0;
  // An out-of-line function of this program: declared with the kinds of its parameters (uniform),
  // defined once by `body`, called any number of times. It returns nothing; results go through
  // pointers.
  virtual int function(std::string_view name, std::span<const Scalar> parameters,
                       const std::function<void(std::span<const Code>)>& body) = 0;
  virtual void call(int function, std::span<const Code> arguments) = 0;
  // What `write` makes of x: a function of x alone, tens of operations long, of this name. A back
  // end that can writes it once and calls it.
  virtual Code expansion(std::string_view name, std::span<const Code> x,
                         const std::function<Code(std::span<const Code>)>& write) {
    (void)name;
    return write(x);
  }
  // A routine of the runtime by name (found when linked); I64 or nothing comes back.
  virtual Code call_runtime(std::string_view name, std::span<const Code> arguments,
                            bool returns_i64) = 0;
  virtual void return_if(Code pred) = 0;  // leaves the current function

  // What follows stands for this line of the user's program, where it is known: for debuggers and
  // for text that a person reads.
  virtual void at(const SourceLine& where) { (void)where; }
};

}  // namespace nodec
