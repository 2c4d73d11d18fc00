// Temporary files and their renaming.
#include "runtime/publish.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <system_error>

namespace nodec {
namespace {

// Unique among the writers of a folder: other processes, and other threads of this one.
std::filesystem::path temporary_beside(const std::filesystem::path& place) {
  static std::atomic<std::uint64_t> serial{0};
  return place.parent_path() /
         fmt::format(".{}.{}.{}.part", place.filename().string(), getpid(), serial.fetch_add(1));
}

bool write(const std::filesystem::path& path, std::initializer_list<std::string_view> parts) {
  std::ofstream file(path, std::ios::binary);
  for (const std::string_view part : parts) file.write(part.data(), std::streamsize(part.size()));
  file.close();
  return bool(file);
}

}  // namespace

bool publish(const std::filesystem::path& place, std::initializer_list<std::string_view> parts) {
  std::error_code failure;
  const std::filesystem::path temporary = temporary_beside(place);
  const bool written = write(temporary, parts);
  if (written) std::filesystem::rename(temporary, place, failure);
  if (written && !failure) return true;
  std::filesystem::remove(temporary, failure);
  return false;
}

}  // namespace nodec
