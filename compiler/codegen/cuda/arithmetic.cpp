// Arithmetic, comparison and conversion in CUDA C++.
//
// Why these forms: floats are added and multiplied by C++'s operators, which NVRTC does not merge
// (-fmad=false); whatever chooses between floats is the prologue's select, since compilers make min
// and max of `?:`, which order zeros and drop NaN. Data integers go through the prologue, where
// they wrap; an Index never overflows and is left to the operators. Numbers known here are worked
// out here.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "compiler/codegen/cuda/emitter.h"
#include "ir/error.h"
#include "ir/exact_number.h"

namespace nodec {
namespace {

// Exact: a decimal where it is short, else hexadecimal.
std::string cuda_float(double value, const char* suffix) {
  const double sixteenths = value * 16;
  if (std::fabs(value) >= 1e6 || sixteenths != std::trunc(sixteenths)) {
    return exact_text(value) + suffix;
  }
  std::string text = fmt::format("{}", value);
  if (text.find('.') == std::string::npos) text += ".0";
  return text + suffix;
}

std::string cuda_float(Scalar scalar, std::uint64_t bits) {
  if (scalar == Scalar::F32) {
    const auto word = std::uint32_t(bits);
    const auto x = std::bit_cast<float>(word);
    return std::isfinite(x) ? cuda_float(x, "f") : fmt::format("float_of((int){:#x}u)", word);
  }
  const auto x = std::bit_cast<double>(bits);
  return std::isfinite(x) ? cuda_float(x, "") : fmt::format("double_of((i64){:#x}ull)", bits);
}

// The least number of a type has no literal.
std::string cuda_integer(std::int64_t value, bool wide) {
  const char* suffix = wide ? "ll" : "";
  const auto least = wide ? std::numeric_limits<std::int64_t>::min()
                          : std::int64_t{std::numeric_limits<std::int32_t>::min()};
  if (value == least) return fmt::format("({}{} - 1)", value + 1, suffix);
  return fmt::format("{}{}", value, suffix);
}

}  // namespace

Code CudaEmitter::constant(Scalar scalar, double value) {
  if (scalar == Scalar::F32) {
    return constant_bits(scalar, std::bit_cast<std::uint32_t>(float(value)));
  }
  if (scalar == Scalar::F64) return constant_bits(scalar, std::bit_cast<std::uint64_t>(value));
  return constant_bits(scalar, std::uint64_t(std::int64_t(value)));
}

Code CudaEmitter::constant_bits(Scalar scalar, std::uint64_t bits) {
  NODEC_CHECK(scalar != Scalar::Pointer, "a pointer has no bits of its own");
  if (is_float(scalar)) return code(cuda_float(scalar, bits), scalar, false);
  if (scalar == Scalar::Pred) return code((bits & 1) != 0 ? "true" : "false", scalar, false);
  return integer(scalar, bits, false);
}

Code CudaEmitter::integer(Scalar scalar, std::uint64_t bits, bool varying) {
  auto value = std::int64_t(bits);
  if (scalar == Scalar::I32) value = std::int32_t(value);
  if (scalar == Scalar::Index && value != std::int32_t(value)) {
    throw Error(
        fmt::format("a program for a GPU counts elements and bytes in 32 bits, and this one "
                    "needs the number {}",
                    value),
        {}, "make the tensors smaller, or run it on the CPU");
  }
  std::string text = cuda_integer(value, scalar == Scalar::I64);
  return code(&values_.emplace_back(Value{std::move(text), value}), scalar, varying);
}

Code CudaEmitter::infix(Scalar scalar, Code a, const char* op, Code b) {
  check_same(a, b);
  return known(scalar, fmt::format("{} {} {}", name(a), op, name(b)), a.varying || b.varying);
}

Code CudaEmitter::called(Scalar scalar, const char* function,
                         std::initializer_list<Code> arguments) {
  std::string list;
  bool varying = false;
  for (const Code& argument : arguments) {
    list += (list.empty() ? "" : ", ") + name(argument);
    varying |= argument.varying;
  }
  return known(scalar, fmt::format("{}({})", function, list), varying);
}

// The numbers in them go to the end.
Code CudaEmitter::index_sum(Code a, const char* op, Code b) {
  const Sum x = sum_of(a), y = sum_of(b);
  const bool add = *op == '+', varying = a.varying || b.varying;
  const std::int64_t n = add ? x.plus + y.plus : x.plus - y.plus;
  if (!add && x.root == y.root) return integer(a.scalar, std::uint64_t(n), varying);
  if (y.root.empty()) return plus({a.handle, a.scalar, varying}, n - x.plus);
  if (x.root.empty() && add) return plus({b.handle, b.scalar, varying}, n - y.plus);
  const std::string root =
      x.root.empty() ? "-" + y.root : fmt::format("{} {} {}", x.root, op, y.root);
  return plus(known(a.scalar, root, varying), n);
}

Code CudaEmitter::add(Code a, Code b) {
  check_same(a, b);
  const bool varying = a.varying || b.varying;
  if (number(a)) std::swap(a, b);
  const auto x = number(a), y = number(b);
  if (x && y) return integer(a.scalar, std::uint64_t(*x) + std::uint64_t(*y), varying);
  if (y == 0) return {a.handle, a.scalar, varying};
  if (a.scalar == Scalar::Index) return index_sum(a, "+", b);
  if (is_float(a.scalar)) return infix(a.scalar, a, "+", b);
  return called(a.scalar, "add", {a, b});
}

Code CudaEmitter::sub(Code a, Code b) {
  check_same(a, b);
  const auto x = number(a), y = number(b);
  if (x && y) {
    return integer(a.scalar, std::uint64_t(*x) - std::uint64_t(*y), a.varying || b.varying);
  }
  if (y == 0) return {a.handle, a.scalar, a.varying || b.varying};
  if (a.scalar == Scalar::Index) return index_sum(a, "-", b);
  if (is_float(a.scalar)) return infix(a.scalar, a, "-", b);
  return called(a.scalar, "subtract", {a, b});
}

Code CudaEmitter::mul(Code a, Code b) {
  check_same(a, b);
  const bool varying = a.varying || b.varying;
  if (number(a)) std::swap(a, b);
  const auto x = number(a), y = number(b);
  if (x && y) return integer(a.scalar, std::uint64_t(*x) * std::uint64_t(*y), varying);
  if (y == 0) return integer(a.scalar, 0, varying);
  if (y == 1) return {a.handle, a.scalar, varying};
  if (a.scalar == Scalar::Index && y) {
    const Sum s = sum_of(a);
    return plus(known(a.scalar, fmt::format("{} * {}", s.root, name(b)), varying), s.plus * *y);
  }
  if (is_float(a.scalar) || a.scalar == Scalar::Index) return infix(a.scalar, a, "*", b);
  return called(a.scalar, "multiply", {a, b});
}

Code CudaEmitter::neg(Code a) {
  if (const auto x = number(a)) return integer(a.scalar, -std::uint64_t(*x), a.varying);
  if (a.scalar == Scalar::Index) return known(a.scalar, "-" + name(a), a.varying);
  return called(a.scalar, "negative", {a});
}

Code CudaEmitter::div(Code a, Code b) { return infix(a.scalar, a, "/", b); }

Code CudaEmitter::fma(Code a, Code b, Code c) {
  check_same(a, b);
  check_same(a, c);
  return called(a.scalar, "fma_rn", {a, b, c});
}

Code CudaEmitter::sqrt(Code a) { return called(a.scalar, "square_root", {a}); }
Code CudaEmitter::round_even(Code a) { return called(a.scalar, "round_even", {a}); }
Code CudaEmitter::floor(Code a) { return called(a.scalar, "round_down", {a}); }

Code CudaEmitter::abs(Code a) {
  if (is_float(a.scalar)) return called(a.scalar, "absolute", {a});
  // The least integer wraps to itself.
  return select(compare(Compare::Lt, a, integer(a.scalar, 0, false)), neg(a), a);
}

// Of predicates the operators give an int, which the declaration makes a bool again.
Code CudaEmitter::bitwise(Code a, const char* op, Code b) {
  NODEC_CHECK(is_integer(a.scalar) || a.scalar == Scalar::Pred, "bits of a float");
  return infix(a.scalar, a, op, b);
}

Code CudaEmitter::bit_and(Code a, Code b) { return bitwise(a, "&", b); }
Code CudaEmitter::bit_or(Code a, Code b) { return bitwise(a, "|", b); }
Code CudaEmitter::bit_xor(Code a, Code b) {
  if (a.scalar == Scalar::Pred && b.scalar == Scalar::Pred && name(b) == "true") {
    return known(Scalar::Pred, "!" + name(a), a.varying || b.varying);
  }
  return bitwise(a, "^", b);
}

Code CudaEmitter::shift(Code a, const char* op, const char* function, int bits) {
  if (a.scalar == Scalar::Index) {
    return known(a.scalar, fmt::format("{} {} {}", name(a), op, bits), a.varying);
  }
  return known(a.scalar, fmt::format("{}({}, {})", function, name(a), bits), a.varying);
}

Code CudaEmitter::shift_left(Code a, int bits) { return shift(a, "<<", "shift_left", bits); }
Code CudaEmitter::shift_right(Code a, int bits) { return shift(a, ">>", "shift_right", bits); }
Code CudaEmitter::shift_right_signed(Code a, int bits) {
  return shift(a, ">>", "shift_right_signed", bits);
}

Code CudaEmitter::mul_high_u32(Code a, Code b) {
  NODEC_CHECK(a.scalar == Scalar::I32, "mul_high_u32 of kind {}", int(a.scalar));
  check_same(a, b);
  return called(Scalar::I32, "multiply_high", {a, b});
}

Code CudaEmitter::compare(Compare how, Code a, Code b) {
  static constexpr const char* ops[] = {"==", "!=", "<", "<=", ">", ">="};
  const bool equality = how == Compare::Eq || how == Compare::Ne;
  NODEC_CHECK(is_float(a.scalar) || is_integer(a.scalar) || equality, "predicates have no order");
  return infix(Scalar::Pred, a, ops[int(how)], b);
}

Code CudaEmitter::select(Code pred, Code if_true, Code if_false) {
  check_same(if_true, if_false);
  const bool varying = pred.varying || if_true.varying || if_false.varying;
  const bool is_true = name(pred) == "true", is_false = name(pred) == "false";
  if (is_true || name(if_true) == name(if_false)) {
    return {if_true.handle, if_true.scalar, varying};
  }
  if (is_false) return {if_false.handle, if_false.scalar, varying};
  if (if_true.scalar != Scalar::Pointer) {
    return called(if_true.scalar, "select", {pred, if_true, if_false});
  }
  return known(if_true.scalar,
               fmt::format("{} ? {} : {}", name(pred), name(if_true), name(if_false)), varying);
}

Code CudaEmitter::bitcast(Code a, Scalar to) {
  if (a.scalar == to) return a;
  if (is_float(a.scalar)) return called(to, "bits_of", {a});
  return called(to, to == Scalar::F32 ? "float_of" : "double_of", {a});
}

// An Index is an int here, so that nothing is to do between it and I32.
Code CudaEmitter::convert(Code a, Scalar to) {
  if (a.scalar == to) return a;
  if (to == Scalar::Pred) return compare(Compare::Ne, a, constant(a.scalar, 0));
  NODEC_CHECK(a.scalar != Scalar::Pointer && to != Scalar::Pointer, "no conversion from {} to {}",
              int(a.scalar), int(to));
  if (to == Scalar::F32) return called(to, "to_f32", {a});
  if (to == Scalar::F64) return called(to, "to_f64", {a});
  if (const auto x = number(a)) return integer(to, std::uint64_t(*x), a.varying);
  if (to == Scalar::I64) return called(to, "to_i64", {a});
  if (a.scalar == Scalar::I32 || a.scalar == Scalar::Index) return {a.handle, to, a.varying};
  return called(to, "to_i32", {a});
}

Code CudaEmitter::convert_in_range(Code a, Scalar to) {
  if (!is_float(a.scalar) || !is_integer(to)) return convert(a, to);
  return known(to, fmt::format("({}){}", type(to), name(a)), a.varying);
}

}  // namespace nodec
