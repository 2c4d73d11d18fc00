// Arithmetic, comparison and conversion in LLVM IR.
//
// Why these forms: fma is the explicit intrinsic (LLVM never forms one, with fusion strict); sqrt,
// floor and round are single instructions of every target accepted; min and max do not exist here,
// since they are selects whose NaN and signed-zero results the program states.
#include <llvm/IR/Intrinsics.h>

#include <cmath>

#include "compiler/codegen/llvm/emitter.h"
#include "ir/error.h"

namespace nodec {
namespace {

bool is_float(Scalar scalar) { return scalar == Scalar::F32 || scalar == Scalar::F64; }
bool is_integer(Scalar scalar) {
  return scalar == Scalar::I32 || scalar == Scalar::I64 || scalar == Scalar::Index;
}

void check_same(const Code& a, const Code& b) {
  NODEC_CHECK(a.scalar == b.scalar, "operands of kinds {} and {}", int(a.scalar), int(b.scalar));
}

}  // namespace

Code LlvmEmitter::constant(Scalar scalar, double value) {
  if (is_float(scalar)) {
    return code(llvm::ConstantFP::get(scalar_type(scalar), value), scalar, false);
  }
  return constant_bits(scalar, std::uint64_t(std::int64_t(value)));
}

Code LlvmEmitter::constant_bits(Scalar scalar, std::uint64_t bits) {
  llvm::Type* type = scalar_type(scalar);
  NODEC_CHECK(scalar != Scalar::Pointer, "a pointer has no bits of its own");
  const unsigned width = type->getPrimitiveSizeInBits();
  const llvm::APInt integer = llvm::APInt(64, bits).trunc(width);
  if (!is_float(scalar)) return code(llvm::ConstantInt::get(type, integer), scalar, false);
  return code(llvm::ConstantFP::get(type, llvm::APFloat(type->getFltSemantics(), integer)), scalar,
              false);
}

Code LlvmEmitter::add(Code a, Code b) {
  const bool varying = align(a, b);
  return code(is_float(a.scalar) ? build_.CreateFAdd(value(a), value(b))
                                 : build_.CreateAdd(value(a), value(b)),
              a.scalar, varying);
}

Code LlvmEmitter::sub(Code a, Code b) {
  const bool varying = align(a, b);
  return code(is_float(a.scalar) ? build_.CreateFSub(value(a), value(b))
                                 : build_.CreateSub(value(a), value(b)),
              a.scalar, varying);
}

Code LlvmEmitter::mul(Code a, Code b) {
  const bool varying = align(a, b);
  return code(is_float(a.scalar) ? build_.CreateFMul(value(a), value(b))
                                 : build_.CreateMul(value(a), value(b)),
              a.scalar, varying);
}

Code LlvmEmitter::neg(Code a) {
  return code(is_float(a.scalar) ? build_.CreateFNeg(value(a)) : build_.CreateNeg(value(a)),
              a.scalar, a.varying);
}

Code LlvmEmitter::div(Code a, Code b) {
  const bool varying = align(a, b);
  return code(is_float(a.scalar) ? build_.CreateFDiv(value(a), value(b))
                                 : build_.CreateSDiv(value(a), value(b)),
              a.scalar, varying);
}

Code LlvmEmitter::fma(Code a, Code b, Code c) {
  check_same(a, b);
  check_same(a, c);
  const bool varying = a.varying || b.varying || c.varying;
  a = as(a, varying), b = as(b, varying), c = as(c, varying);
  return code(build_.CreateIntrinsic(value(a)->getType(), llvm::Intrinsic::fma,
                                     {value(a), value(b), value(c)}),
              a.scalar, varying);
}

Code LlvmEmitter::unary(llvm::Intrinsic::ID intrinsic, Code a) {
  return code(build_.CreateUnaryIntrinsic(intrinsic, value(a)), a.scalar, a.varying);
}

Code LlvmEmitter::sqrt(Code a) { return unary(llvm::Intrinsic::sqrt, a); }
Code LlvmEmitter::round_even(Code a) { return unary(llvm::Intrinsic::roundeven, a); }
Code LlvmEmitter::floor(Code a) { return unary(llvm::Intrinsic::floor, a); }

Code LlvmEmitter::abs(Code a) {
  if (is_float(a.scalar)) return unary(llvm::Intrinsic::fabs, a);
  // The least integer wraps to itself.
  return code(build_.CreateIntrinsic(value(a)->getType(), llvm::Intrinsic::abs,
                                     {value(a), build_.getFalse()}),
              a.scalar, a.varying);
}

Code LlvmEmitter::bitwise(llvm::Instruction::BinaryOps op, Code a, Code b) {
  NODEC_CHECK(is_integer(a.scalar) || a.scalar == Scalar::Pred, "bits of a float");
  const bool varying = align(a, b);
  return code(build_.CreateBinOp(op, value(a), value(b)), a.scalar, varying);
}

Code LlvmEmitter::bit_and(Code a, Code b) { return bitwise(llvm::Instruction::And, a, b); }
Code LlvmEmitter::bit_or(Code a, Code b) { return bitwise(llvm::Instruction::Or, a, b); }
Code LlvmEmitter::bit_xor(Code a, Code b) { return bitwise(llvm::Instruction::Xor, a, b); }

Code LlvmEmitter::shift(llvm::Instruction::BinaryOps op, Code a, int bits) {
  return code(build_.CreateBinOp(op, value(a), llvm::ConstantInt::get(value(a)->getType(), bits)),
              a.scalar, a.varying);
}

Code LlvmEmitter::shift_left(Code a, int bits) { return shift(llvm::Instruction::Shl, a, bits); }
Code LlvmEmitter::shift_right(Code a, int bits) { return shift(llvm::Instruction::LShr, a, bits); }
Code LlvmEmitter::shift_right_signed(Code a, int bits) {
  return shift(llvm::Instruction::AShr, a, bits);
}

Code LlvmEmitter::mul_high_u32(Code a, Code b) {
  NODEC_CHECK(a.scalar == Scalar::I32, "mul_high_u32 of kind {}", int(a.scalar));
  const bool varying = align(a, b);
  llvm::Type* wide = type(Scalar::I64, varying);
  llvm::Value* product =
      build_.CreateMul(build_.CreateZExt(value(a), wide), build_.CreateZExt(value(b), wide));
  llvm::Value* high = build_.CreateLShr(product, llvm::ConstantInt::get(wide, 32));
  return code(build_.CreateTrunc(high, value(a)->getType()), Scalar::I32, varying);
}

Code LlvmEmitter::compare(Compare how, Code a, Code b) {
  using P = llvm::CmpInst::Predicate;
  static constexpr P floats[] = {P::FCMP_OEQ, P::FCMP_UNE, P::FCMP_OLT,
                                 P::FCMP_OLE, P::FCMP_OGT, P::FCMP_OGE};
  static constexpr P integers[] = {P::ICMP_EQ,  P::ICMP_NE,  P::ICMP_SLT,
                                   P::ICMP_SLE, P::ICMP_SGT, P::ICMP_SGE};
  const bool equality = how == Compare::Eq || how == Compare::Ne;
  NODEC_CHECK(is_float(a.scalar) || is_integer(a.scalar) || equality, "predicates have no order");
  const bool varying = align(a, b);
  const P predicate = (is_float(a.scalar) ? floats : integers)[int(how)];
  return code(build_.CreateCmp(predicate, value(a), value(b)), Scalar::Pred, varying);
}

Code LlvmEmitter::select(Code pred, Code if_true, Code if_false) {
  check_same(if_true, if_false);
  // A uniform predicate over vectors is made a mask: left scalar, it would become a branch.
  const bool varying = pred.varying || if_true.varying || if_false.varying;
  pred = as(pred, varying), if_true = as(if_true, varying), if_false = as(if_false, varying);
  return code(build_.CreateSelect(value(pred), value(if_true), value(if_false)), if_true.scalar,
              varying);
}

Code LlvmEmitter::bitcast(Code a, Scalar to) {
  if (a.scalar == to) return a;
  return code(build_.CreateBitCast(value(a), type(to, a.varying)), to, a.varying);
}

// Out of range the instruction's result is poison, so it is selected away: three compares and
// selects on vectors, where llvm.fptosi.sat would go element by element.
Code LlvmEmitter::float_to_integer(Code a, Scalar to, bool in_range) {
  Code result = code(build_.CreateFPToSI(value(a), type(to, a.varying)), to, a.varying);
  if (in_range) return result;
  const int bits = to == Scalar::I32 ? 32 : 64;
  const std::uint64_t least = std::uint64_t{1} << (bits - 1);
  const Code bound = constant(a.scalar, std::ldexp(1.0, bits - 1));
  result = select(compare(Compare::Ge, a, bound), constant_bits(to, least - 1), result);
  result = select(compare(Compare::Lt, a, neg(bound)), constant_bits(to, least), result);
  return select(compare(Compare::Eq, a, a), result, constant(to, 0));
}

Code LlvmEmitter::convert_in_range(Code a, Scalar to) {
  if (is_float(a.scalar) && is_integer(to)) return float_to_integer(a, to, true);
  return convert(a, to);
}

Code LlvmEmitter::convert(Code a, Scalar to) {
  if (a.scalar == to) return a;
  if (to == Scalar::Pred) return compare(Compare::Ne, a, constant(a.scalar, 0));
  llvm::Type* result = type(to, a.varying);
  llvm::Value* x = value(a);
  if (a.scalar == Scalar::Pred) {
    return code(is_float(to) ? build_.CreateUIToFP(x, result) : build_.CreateZExt(x, result), to,
                a.varying);
  }
  if (is_float(a.scalar) && is_integer(to)) return float_to_integer(a, to, false);
  if (is_float(a.scalar)) return code(build_.CreateFPCast(x, result), to, a.varying);
  if (is_float(to)) return code(build_.CreateSIToFP(x, result), to, a.varying);
  NODEC_CHECK(is_integer(a.scalar) && is_integer(to), "no conversion from {} to {}", int(a.scalar),
              int(to));
  return code(build_.CreateSExtOrTrunc(x, result), to, a.varying);
}

}  // namespace nodec
