// Types of values: a dtype with a shape whose dims are integer polynomials in symbols, tuples,
// records with named fields, boxes, tapes, functions, and the two ends of the lattice.
//
//   f32[20, B]   i32[]   u8[N, 784]   (f32[3], i32[])   {scale: f32[20]}   box<f32[3]>
//   tape<f32[20, B], f32[]>   function<(f64[], f64[2]), (f64[2])>   f32[3] on 1   any   never
//
// The lattice: never < every concrete type < any. Joining tensors of one dtype and rank joins dims
// one by one (unequal dims become `?`), and so do their placements; every other disagreement is
// `any`. Its height is finite (a dim can only go to `?`, then the tensor to `any`), so fixed points
// over it end.
//
// A tensor's placement is the host, which is not written, a device (`on 1`), or unknown (`on ?`).
// Type rules compare types without it: `==` does not look at placements, `identical` does, and
// result_types (primitive.h) carries them from operands to results.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nodec {

enum class Dtype : std::uint8_t { Bool, U8, I32, I64, F32, F64, Key };

std::string_view name(Dtype dtype);  // "f32"
std::optional<Dtype> parse_dtype(std::string_view text);
std::size_t bytes(Dtype dtype);  // storage size of one element; a key is 8
bool is_float(Dtype dtype);
bool is_integer(Dtype dtype);  // u8, i32, i64

// The dtype whose elements are stored as this C++ type; a key is an std::uint64_t.
template <class T>
constexpr Dtype dtype_of() = delete;
template <>
constexpr Dtype dtype_of<bool>() {
  return Dtype::Bool;
}
template <>
constexpr Dtype dtype_of<std::uint8_t>() {
  return Dtype::U8;
}
template <>
constexpr Dtype dtype_of<std::int32_t>() {
  return Dtype::I32;
}
template <>
constexpr Dtype dtype_of<std::int64_t>() {
  return Dtype::I64;
}
template <>
constexpr Dtype dtype_of<float>() {
  return Dtype::F32;
}
template <>
constexpr Dtype dtype_of<double>() {
  return Dtype::F64;
}
template <>
constexpr Dtype dtype_of<std::uint64_t>() {
  return Dtype::Key;
}

// A value for each symbol, e.g. {"B": 128}.
using Bindings = std::map<std::string, std::int64_t, std::less<>>;

// No axis of a program is longer.
inline constexpr std::int64_t kSizeLimit = std::int64_t{1} << 40;

// Regions, and types within types, may nest this deep; a shape may have this many axes.
inline constexpr int kDepthLimit = 64;
inline constexpr std::size_t kRankLimit = 16;

// An integer polynomial in symbols, kept in normal form (no zero terms, monomials sorted), or `?`.
// Arithmetic that leaves int64 is an Error.
class Dim {
 public:
  Dim(std::int64_t constant = 0)  // NOLINT(google-explicit-constructor): a number is a dim
      : constant_(constant) {}
  // A name is a symbol. Without this, two names in a list of dims would be taken for iterators.
  template <std::same_as<const char*> Name>
  Dim(Name name)  // NOLINT(google-explicit-constructor)
      : Dim(symbol(name)) {}
  static Dim symbol(std::string_view name);
  static Dim unknown();

  bool is_unknown() const { return unknown_; }
  bool is_constant() const { return !unknown_ && !terms_; }
  std::int64_t constant() const;  // requires is_constant()
  // Whether an axis may have it: no negative number, and no coefficient from kSizeLimit on.
  bool is_size() const;
  bool mentions(std::string_view symbol) const;
  std::vector<std::string> symbols() const;
  std::int64_t evaluate(const Bindings& bindings) const;  // Error when a symbol has no value
  // The same polynomial divided by a divisor that divides it exactly, else nullopt.
  std::optional<Dim> divided_by(const Dim& divisor) const;

  Dim operator+(const Dim& other) const;
  Dim operator-(const Dim& other) const;
  Dim operator*(const Dim& other) const;
  bool operator==(const Dim& other) const;
  std::string str() const;  // "20*B + 1"; "?" when unknown
  // The polynomial with dims in place of symbols; symbols not in `dims` stay.
  friend Dim substitute(const Dim& dim, const std::map<std::string, Dim>& dims);

  using Monomial = std::vector<std::string>;  // sorted, repeated for powers
  using Terms = std::map<Monomial, std::int64_t>;
  Terms terms() const;  // the constant, when not zero, under the empty monomial

 private:
  static Dim of(Terms terms);

  // Types are copied all the time, so a number holds nothing else and polynomials are shared.
  std::int64_t constant_ = 0;
  std::shared_ptr<const Terms> terms_;  // those with symbols; null when there are none
  bool unknown_ = false;
};

Dim substitute(const Dim& dim, const std::map<std::string, Dim>& dims);

inline constexpr int kHost = -1;           // the placement of what is on no device
inline constexpr int kUnknownDevice = -2;  // `?`
inline constexpr int kLastDevice = 127;
std::string place_name(int device);  // "the host", "device 1", "an unknown device"

using Shape = std::vector<Dim>;
Dim element_count(const Shape& shape);  // 1 for rank 0
std::string str(const Shape& shape);    // "[20, B]"

class Type {
 public:
  enum class Kind : std::uint8_t { Never, Any, Tensor, Tuple, Record, Box, Tape, Function };

  // Error where it would nest more than kDepthLimit deep.
  Type() = default;  // never
  static Type never() { return {}; }
  static Type any();
  static Type tensor(Dtype dtype, Shape shape);
  static Type scalar(Dtype dtype) { return tensor(dtype, {}); }
  static Type tuple(std::vector<Type> elements);
  // Field order is part of the type: {a, b} and {b, a} differ.
  static Type record(std::vector<std::pair<std::string, Type>> fields);
  static Type box(Type content);
  static Type tape(std::vector<Type> frame);
  static Type function(std::vector<Type> arguments, std::vector<Type> results);

  Kind kind() const { return kind_; }
  bool is_tensor() const { return kind_ == Kind::Tensor; }
  bool is_scalar() const { return is_tensor() && shape().empty(); }
  Dtype dtype() const;         // tensor only
  const Shape& shape() const;  // tensor only
  std::size_t rank() const { return shape().size(); }
  // Of a tuple, record or tape; a box's one; a function's two, tuples of arguments and results.
  const std::vector<Type>& elements() const;
  const std::vector<std::string>& field_names() const;
  int field_index(std::string_view field) const;  // record only; -1 when absent
  bool mentions(std::string_view symbol) const;   // in any dim anywhere inside

  int device() const { return device_; }  // a device's number, kHost or kUnknownDevice
  Type on(int device) const;              // tensor only
  Type with_dtype(Dtype dtype) const;
  Type with_shape(Shape shape) const;

  bool operator==(const Type& other) const;
  friend bool identical(const Type& a, const Type& b);
  std::string str() const;

 private:
  // Every value has a type and records have thousands of fields, so copies share what does not
  // change.
  struct Parts;
  Type(Kind kind, Parts parts);
  const Parts& parts() const;

  Kind kind_ = Kind::Never;
  Dtype dtype_ = Dtype::F32;
  std::int8_t device_ = kHost;
  std::uint8_t depth_ = 0;              // of the types within
  std::shared_ptr<const Parts> parts_;  // null: none
};

bool identical(const Type& a, const Type& b);  // placements, too
Type join(const Type& a, const Type& b);
Type substitute(const Type& type, const std::map<std::string, Dim>& dims);

}  // namespace nodec
