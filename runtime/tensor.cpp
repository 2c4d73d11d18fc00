// Allocation and small services of tensors.
#include "runtime/tensor.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace nodec {
namespace {

// Bytes of whole cache lines, so that code may read a full vector at the end.
std::int64_t storage(const TensorView& view) {
  view.check_size();
  return aligned(std::int64_t(view.bytes()));
}

// As values<...> is asked for it.
std::string_view element_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::Bool:
      return "bool";
    case Dtype::U8:
      return "std::uint8_t";
    case Dtype::I32:
      return "std::int32_t";
    case Dtype::I64:
      return "std::int64_t";
    case Dtype::F32:
      return "float";
    case Dtype::F64:
      return "double";
    default:
      return "std::uint64_t";  // a key
  }
}

std::string values_text(std::int64_t count) {
  return fmt::format("{} value{}", count, count == 1 ? "" : "s");
}

}  // namespace

std::int64_t TensorView::count() const {
  std::int64_t count = 1;
  for (std::int64_t dim : dims) count *= dim;
  return count;
}

std::size_t TensorView::bytes() const { return std::size_t(count()) * nodec::bytes(dtype); }

bool TensorView::lacks_bytes() const {
  return data == nullptr && std::ranges::find(dims, 0) == dims.end();
}

bool TensorView::is_countable() const {
  std::int64_t size = std::int64_t(nodec::bytes(dtype));
  bool fits = true;
  for (const std::int64_t dim : dims) {
    fits = dim >= 0 && !__builtin_mul_overflow(size, dim, &size) && fits;
  }
  return fits && size <= std::numeric_limits<std::int64_t>::max() - std::int64_t(kAlignment);
}

void TensorView::check_size() const {
  if (is_countable()) return;
  if (std::ranges::any_of(dims, [](std::int64_t dim) { return dim < 0; })) {
    throw Error(fmt::format("a tensor's dims cannot be negative, got {}", type()));
  }
  throw Error(fmt::format("a tensor of type {} has more bytes than there are", type()));
}

std::string TensorView::type() const {
  return fmt::format("{}[{}]", name(dtype), fmt::join(dims, ", "));
}

Tensor::Tensor(Dtype dtype, std::vector<std::int64_t> dims)
    : dtype_(dtype), dims_(std::move(dims)) {
  const std::int64_t size = storage(view());
  owned_ = try_allocate(size);
  if (owned_ == nullptr) {
    throw Error(
        fmt::format("there is no memory for a tensor of type {}, {} bytes", view().type(), size),
        {}, "make it smaller");
  }
  data_ = owned_.get();
  std::memset(data_, 0, std::size_t(size));
}

Tensor Tensor::borrow(Dtype dtype, std::vector<std::int64_t> dims, void* data) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.dims_ = std::move(dims);
  tensor.data_ = data;
  tensor.view().check_size();
  return tensor;
}

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  dtype_ = std::exchange(other.dtype_, Dtype::F32);
  dims_ = std::exchange(other.dims_, {});
  owned_ = std::move(other.owned_);
  data_ = std::exchange(other.data_, nullptr);
  return *this;
}

Tensor Tensor::clone() const {
  if (is_empty()) return {};
  Tensor copy(dtype_, dims_);
  if (bytes() > 0) std::memcpy(copy.data_, data_, bytes());
  return copy;
}

void Tensor::check_dtype(Dtype wanted, const Place& at) const {
  if (is_empty() && view().count() != 0) {
    throw Error("a tensor without elements was read: it was moved from, or never made",
                {{SourceLine::of(at), "read here"}},
                "read the one it was moved to, or make it with a dtype and dims");
  }
  if (dtype_ == wanted) return;
  throw Error(fmt::format("a tensor of type {} was read as {}", view().type(), nodec::name(wanted)),
              {{SourceLine::of(at), "read here"}},
              fmt::format("read it with values<{}>()", element_type(dtype_)));
}

void Tensor::assign(const void* values, std::int64_t given, const Place& at) {
  if (given != count()) {
    throw Error(fmt::format("a tensor of type {} has {}, got {}", view().type(),
                            values_text(count()), given),
                {{SourceLine::of(at), "made here"}}, "give one value for each element");
  }
  if (given > 0) std::memcpy(data_, values, bytes());
}

}  // namespace nodec
