// Mapping and reading at a place.
#include "runtime/mapped_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "ir/error.h"

namespace nodec {
namespace {

void read_at(const PlainFile& file, const std::filesystem::path& path, std::uint64_t start,
             Tensor& array) {
  auto* to = static_cast<char*>(array.data());
  std::uint64_t left = array.bytes();
  while (left > 0) {
    const ssize_t got = pread(file.descriptor(), to, left, off_t(start));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      throw Error(
          fmt::format("'{}' cannot be read: {}", path.string(),
                      got == 0 ? "it became shorter" : std::generic_category().message(errno)),
          {}, "give a whole file");
    }
    to += got;
    start += std::uint64_t(got);
    left -= std::uint64_t(got);
  }
}

}  // namespace

Tensor array_in_file(const PlainFile& file, const std::filesystem::path& path, std::uint64_t start,
                     Dtype dtype, std::vector<std::int64_t> dims,
                     std::shared_ptr<const void>& keeps) {
  keeps = nullptr;
  const std::uint64_t size = file.size();
  if (start % kAlignment == 0 && size > 0) {
    // Private, so that nobody's write is another's.
    void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.descriptor(), 0);
    if (pages != MAP_FAILED) {
      keeps = std::shared_ptr<const void>(pages, [size](void* p) { munmap(p, size); });
      return Tensor::borrow(dtype, std::move(dims), static_cast<char*>(pages) + start);
    }
  }
  Tensor array(dtype, std::move(dims));
  read_at(file, path, start, array);
  return array;
}

void check_booleans(const Tensor& array, const std::filesystem::path& path, std::string_view name) {
  if (array.dtype() != Dtype::Bool) return;
  const auto* bytes = static_cast<const std::uint8_t*>(array.data());
  const auto* end = bytes + array.bytes();
  const auto* odd = std::find_if(bytes, end, [](std::uint8_t byte) { return byte > 1; });
  if (odd == end) return;
  const std::string in = name.empty() ? "" : fmt::format("in '{}' ", name);
  throw Error(fmt::format("'{}' holds {}the byte {} as boolean {}: wanted 0 or 1", path.string(),
                          in, *odd, odd - bytes),
              {}, "save array != 0");
}

}  // namespace nodec
