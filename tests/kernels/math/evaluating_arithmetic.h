// Arithmetic that computes instead of writing code: every operation is done at once, on the host,
// for a batch of lanes, in IEEE arithmetic (std::fma included). It is the third opinion beside the
// back ends: an expansion's value here is what every one of them must give, bit for bit.
//
// A Code's handle points to the batch's values. A uniform value is a batch of equal ones. Values
// live until reset().
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "ir/arithmetic.h"
#include "tests/kernels/math/evaluating_loops.h"

namespace nodec {

class EvaluatingArithmetic final : public Arithmetic {
 public:
  explicit EvaluatingArithmetic(int lanes) : lanes_(lanes) {}
  int lanes() const { return lanes_; }

  // Forgets every value but constants, and starts the count of operations again.
  void reset() { used_ = operations_ = 0; }
  int operations() const { return operations_; }

  template <class T>
  Code input(Scalar scalar, const T* values) {
    Code code = fresh(scalar, true);
    std::memcpy(code.handle, values, sizeof(T) * std::size_t(lanes_));
    return code;
  }
  template <class T>
  static const T* values(Code code) {
    return static_cast<const T*>(code.handle);
  }

  Code constant(Scalar scalar, double value) override {
    switch (scalar) {
      case Scalar::F32:
        return constant_bits(scalar, std::bit_cast<std::uint32_t>(float(value)));
      case Scalar::F64:
        return constant_bits(scalar, std::bit_cast<std::uint64_t>(value));
      case Scalar::Pred:  // all bits, as compare gives
        return constant_bits(scalar, value != 0 ? ~std::uint32_t{0} : 0);
      default:
        return constant_bits(scalar, std::uint64_t(std::int64_t(value)));
    }
  }
  Code constant_bits(Scalar scalar, std::uint64_t bits) override {
    Buffer& values = constants_[{scalar, bits}];
    if (!values) {
      values = buffer();
      if (wide(scalar)) {
        std::fill_n(values.get(), lanes_, bits);
      } else {
        std::fill_n(reinterpret_cast<std::uint32_t*>(values.get()), lanes_, std::uint32_t(bits));
      }
    }
    return {values.get(), scalar, false};
  }

  Code add(Code a, Code b) override {
    return is_float(a) ? floats(evaluating::Op::Add, a, b, b)
                       : integers(evaluating::BitOp::Add, a, b);
  }
  Code sub(Code a, Code b) override {
    return is_float(a) ? floats(evaluating::Op::Sub, a, b, b)
                       : integers(evaluating::BitOp::Sub, a, b);
  }
  Code mul(Code a, Code b) override {
    return is_float(a) ? floats(evaluating::Op::Mul, a, b, b)
                       : integers(evaluating::BitOp::Mul, a, b);
  }
  Code neg(Code a) override {
    return is_float(a) ? floats(evaluating::Op::Neg, a, a, a)
                       : integers(evaluating::BitOp::Neg, a, a);
  }
  Code div(Code a, Code b) override { return floats(evaluating::Op::Div, a, b, b); }
  Code fma(Code a, Code b, Code c) override { return floats(evaluating::Op::Fma, a, b, c); }
  Code sqrt(Code a) override { return floats(evaluating::Op::Sqrt, a, a, a); }
  Code abs(Code a) override { return floats(evaluating::Op::Abs, a, a, a); }
  Code round_even(Code a) override { return floats(evaluating::Op::RoundEven, a, a, a); }
  Code floor(Code a) override { return floats(evaluating::Op::Floor, a, a, a); }

  Code bit_and(Code a, Code b) override { return integers(evaluating::BitOp::And, a, b); }
  Code bit_or(Code a, Code b) override { return integers(evaluating::BitOp::Or, a, b); }
  Code bit_xor(Code a, Code b) override { return integers(evaluating::BitOp::Xor, a, b); }
  Code shift_left(Code a, int bits) override {
    return integers(evaluating::BitOp::Left, a, a, bits);
  }
  Code shift_right(Code a, int bits) override {
    return integers(evaluating::BitOp::Right, a, a, bits);
  }
  Code shift_right_signed(Code a, int bits) override {
    return integers(evaluating::BitOp::RightSigned, a, a, bits);
  }
  Code mul_high_u32(Code a, Code b) override { return integers(evaluating::BitOp::MulHigh, a, b); }

  Code compare(Compare how, Code a, Code b) override {
    Code out = fresh(Scalar::Pred, a.varying || b.varying);
    evaluating::run(how, lanes_, static_cast<std::int32_t*>(out.handle), a.handle, b.handle,
                    a.scalar);
    return out;
  }
  Code select(Code pred, Code a, Code b) override {
    Code out = fresh(a.scalar, pred.varying || a.varying || b.varying);
    evaluating::run_select(lanes_, out.handle, pred.handle, a.handle, b.handle, wide(a.scalar));
    return out;
  }
  Code bitcast(Code a, Scalar to) override {
    --operations_;  // costs nothing
    Code out = fresh(to, a.varying);
    std::memcpy(out.handle, a.handle, (wide(to) ? 8 : 4) * std::size_t(lanes_));
    return out;
  }
  Code convert(Code a, Scalar to) override {
    if (a.scalar == Scalar::Pred) return select(a, constant(to, 1), constant(to, 0));
    if (!is_float(a) || to == Scalar::F32 || to == Scalar::F64) return convert_in_range(a, to);
    Code out = fresh(to, a.varying);
    for (int i = 0; i < lanes_; ++i) {
      const double x = a.scalar == Scalar::F32 ? values<float>(a)[i] : values<double>(a)[i];
      if (to == Scalar::I32) {
        static_cast<std::int32_t*>(out.handle)[i] = evaluating::saturated<std::int32_t>(x);
      } else {
        static_cast<std::int64_t*>(out.handle)[i] = evaluating::saturated<std::int64_t>(x);
      }
    }
    return out;
  }
  Code convert_in_range(Code a, Scalar to) override {
    Code out = fresh(to, a.varying);
    evaluating::run_cast(a.scalar, to, lanes_, out.handle, a.handle);
    return out;
  }

 private:
  using Buffer = std::unique_ptr<std::uint64_t[]>;

  static bool is_float(Code a) { return a.scalar == Scalar::F32 || a.scalar == Scalar::F64; }
  static bool wide(Scalar s) { return s == Scalar::F64 || s == Scalar::I64; }

  Buffer buffer() const { return std::make_unique<std::uint64_t[]>(std::size_t(lanes_)); }
  Code fresh(Scalar scalar, bool varying) {
    ++operations_;
    if (used_ == values_.size()) values_.push_back(buffer());
    return {values_[used_++].get(), scalar, varying};
  }

  Code floats(evaluating::Op op, Code a, Code b, Code c) {
    check_kinds(a, b), check_kinds(a, c);
    Code out = fresh(a.scalar, a.varying || b.varying || c.varying);
    if (a.scalar == Scalar::F32) {
      evaluating::run(op, lanes_, static_cast<float*>(out.handle), values<float>(a),
                      values<float>(b), values<float>(c));
    } else {
      evaluating::run(op, lanes_, static_cast<double*>(out.handle), values<double>(a),
                      values<double>(b), values<double>(c));
    }
    return out;
  }
  Code integers(evaluating::BitOp op, Code a, Code b, int shift = 0) {
    check_kinds(a, b);
    Code out = fresh(a.scalar, a.varying || b.varying);
    if (wide(a.scalar)) {
      evaluating::run(op, lanes_, static_cast<std::uint64_t*>(out.handle), values<std::uint64_t>(a),
                      values<std::uint64_t>(b), shift);
    } else {
      evaluating::run(op, lanes_, static_cast<std::uint32_t*>(out.handle), values<std::uint32_t>(a),
                      values<std::uint32_t>(b), shift);
    }
    return out;
  }
  static void check_kinds(Code a, Code b) {
    if (a.scalar != b.scalar) throw std::logic_error("operands of two scalar kinds");
  }

  int lanes_;
  std::vector<Buffer> values_;
  std::size_t used_ = 0;
  int operations_ = 0;
  std::map<std::pair<Scalar, std::uint64_t>, Buffer> constants_;
};

}  // namespace nodec
