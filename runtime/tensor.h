// Arrays on the host: bytes aligned to 64, a dtype, and dims; row-major.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "ir/type.h"
#include "runtime/aligned.h"

namespace nodec {

class Device;  // runtime/device.h

// Somebody else's array for the time of a call. Whether it is written is the callee's contract.
struct TensorView {
  Dtype dtype = Dtype::F32;
  std::span<const std::int64_t> dims;
  void* data = nullptr;
  const Device* device = nullptr;  // whose memory it is in; null: the host's

  std::int64_t count() const;
  std::size_t bytes() const;
  std::string type() const;  // "f32[20, 128]"
  // Of an array that was moved from or never made; one of no elements needs none.
  bool lacks_bytes() const;
  bool is_countable() const;  // no dim is negative, and its bytes are a number
  void check_size() const;    // Error where it is not
};

// Owns its bytes, or borrows them (the lender must outlive it). Moves, never copies silently. One
// that was moved from, or never given a type, has no elements; to ask for them is an Error.
class Tensor {
 public:
  using Place = std::source_location;  // of a call, which its refusal names

  Tensor() = default;
  Tensor(Tensor&& other) noexcept { *this = std::move(other); }
  Tensor& operator=(Tensor&& other) noexcept;
  Tensor(Dtype dtype, std::vector<std::int64_t> dims);  // zeros
  static Tensor borrow(Dtype dtype, std::vector<std::int64_t> dims, void* data);
  template <typename T>
  static Tensor of(std::vector<std::int64_t> dims, std::span<const T> values,
                   Place at = Place::current());
  template <typename T>
  static Tensor of(std::vector<std::int64_t> dims, std::initializer_list<T> values,
                   Place at = Place::current()) {
    return of<T>(std::move(dims), std::span<const T>(values.begin(), values.size()), at);
  }
  template <typename T>
  static Tensor scalar(T value) {
    return of<T>({}, {value});
  }
  Tensor clone() const;  // owning

  Dtype dtype() const { return dtype_; }
  const std::vector<std::int64_t>& dims() const { return dims_; }
  bool is_empty() const { return data_ == nullptr; }  // moved from, or never given a type
  std::int64_t count() const { return is_empty() ? 0 : view().count(); }
  std::size_t bytes() const { return is_empty() ? 0 : view().bytes(); }
  void* data() { return data_; }
  const void* data() const { return data_; }
  template <typename T>
  std::span<T> values(Place at = Place::current()) {
    check_dtype(dtype_of<T>(), at);
    return {static_cast<T*>(data_), std::size_t(count())};
  }
  template <typename T>
  std::span<const T> values(Place at = Place::current()) const {
    check_dtype(dtype_of<T>(), at);
    return {static_cast<const T*>(data_), std::size_t(count())};
  }

  TensorView view() const { return {dtype_, dims_, data_, nullptr}; }
  operator TensorView() const { return view(); }  // NOLINT(google-explicit-constructor)

 private:
  void check_dtype(Dtype wanted, const Place& at) const;
  void assign(const void* bytes, std::int64_t count, const Place& at);  // refuses another count

  Dtype dtype_ = Dtype::F32;
  std::vector<std::int64_t> dims_;
  AlignedBytes owned_;
  void* data_ = nullptr;
};

template <typename T>
Tensor Tensor::of(std::vector<std::int64_t> dims, std::span<const T> values, Place at) {
  Tensor tensor(dtype_of<T>(), std::move(dims));
  tensor.assign(values.data(), std::int64_t(values.size()), at);
  return tensor;
}

}  // namespace nodec
