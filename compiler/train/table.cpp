// Tables, and reading IDX: two zeros, the type of its elements, the number of its dims, the dims,
// the elements, all big-endian.
#include "compiler/train/table.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "ir/error.h"
#include "runtime/mapped_file.h"
#include "runtime/npy.h"
#include "runtime/safetensors.h"

namespace nodec::nn {
namespace {

[[noreturn]] void refuse_idx(const std::filesystem::path& path, const std::string& what,
                             const std::string& help) {
  throw Error(fmt::format("'{}' {}", path.string(), what), {}, help);
}

std::optional<Dtype> idx_dtype(std::uint8_t code) {
  switch (code) {
    case 0x08:
      return Dtype::U8;
    case 0x0c:
      return Dtype::I32;
    case 0x0d:
      return Dtype::F32;
    case 0x0e:
      return Dtype::F64;
    default:
      return std::nullopt;
  }
}

void swap_bytes(Tensor& array) {
  const std::size_t width = bytes(array.dtype());
  auto* at = static_cast<std::uint8_t*>(array.data());
  for (std::int64_t i = 0; width > 1 && i < array.count(); ++i, at += width) {
    std::reverse(at, at + width);
  }
}

}  // namespace

Table::Table(Tensor array) {
  if (array.is_empty() || array.dims().empty()) {
    throw Error(
        fmt::format("a table has a first axis that counts its samples, got {}",
                    array.is_empty() ? "a tensor that was moved from" : array.view().type()),
        {}, "give it a tensor [samples, ...]");
  }
  array_ = std::make_shared<Tensor>(std::move(array));
}

Table Table::npy(const std::filesystem::path& path) {
  std::shared_ptr<const void> pages;
  Table table(map_npy(path, pages));
  table.pages_ = std::move(pages);
  return table;
}

Table Table::safetensors(const std::filesystem::path& path, std::string_view name) {
  std::shared_ptr<const void> pages;
  Table table(map_safetensor(path, name, pages));
  table.pages_ = std::move(pages);
  return table;
}

Table Table::idx(const std::filesystem::path& path) {
  PlainFile file(path);
  if (!file.trouble().empty()) {
    refuse_idx(path, "cannot be read: " + file.trouble(), "give a file in MNIST's format, IDX");
  }
  std::array<std::uint8_t, 4> head{};
  const std::size_t got = file.read(head.data(), head.size());
  if (got >= 2 && head[0] == 0x1f && head[1] == 0x8b) {
    refuse_idx(path, "is gzipped", "unpack it first: gunzip " + path.filename().string());
  }
  if (got < head.size() || head[0] != 0 || head[1] != 0 || head[3] == 0) {
    refuse_idx(path, "is no IDX file", "give a file in MNIST's format, IDX");
  }
  const std::optional<Dtype> dtype = idx_dtype(head[2]);
  if (!dtype) {
    refuse_idx(path, fmt::format("holds elements of IDX type 0x{:02x}", head[2]),
               "u8 (0x08), i32 (0x0c), f32 (0x0d) and f64 (0x0e) can be read");
  }
  std::vector<std::int64_t> dims;
  std::uint64_t size = bytes(*dtype);
  const std::uint64_t start = 4 + 4 * std::uint64_t(head[3]);
  for (int i = 0; i < head[3]; ++i) {
    std::array<std::uint8_t, 4> b{};
    if (file.read(b.data(), b.size()) != b.size()) refuse_idx(path, "ends inside its header", "");
    dims.push_back(std::int64_t{b[0]} << 24 | b[1] << 16 | b[2] << 8 | b[3]);
    if (__builtin_mul_overflow(size, std::uint64_t(dims.back()), &size)) size = ~std::uint64_t{0};
  }
  if (file.size() - start != size) {
    refuse_idx(path,
               fmt::format("holds {} bytes of elements where its header takes {}",
                           file.size() - start, size),
               "fetch the file again");
  }
  std::shared_ptr<const void> pages;
  Table table(array_in_file(file, path, start, *dtype, std::move(dims), pages));
  table.pages_ = std::move(pages);
  swap_bytes(*table.array_);
  return table;
}

std::int64_t Table::samples() const { return empty() ? 0 : array_->dims().front(); }

std::pair<std::int64_t, std::int64_t> Table::range() const {
  const auto of = [](auto values) {
    const auto [least, most] = std::ranges::minmax(values);
    return std::pair<std::int64_t, std::int64_t>(least, most);
  };
  if (empty() || array_->count() == 0) return {0, 0};
  if (array_->dtype() == Dtype::U8) return of(array_->values<std::uint8_t>());
  if (array_->dtype() == Dtype::I64) return of(array_->values<std::int64_t>());
  return of(array_->values<std::int32_t>());
}

TensorView Table::view() const { return empty() ? TensorView{} : array_->view(); }

}  // namespace nodec::nn
