// The first bytes of what a download gives in place of a file, or a user names.
#include "examples/digits/file_kind.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "compiler/nodec.h"

namespace nodec::digits {
namespace {

struct Known {
  std::string_view start, kind;
};
constexpr std::array kKnown{
    Known{"\x1f\x8b", "a gzip file"},
    Known{"PK\3\4", "a zip archive"},
    Known{"BZh", "a bzip2 file"},
    Known{"\xfd"
          "7zXZ",
          "an xz file"},
    Known{"\x28\xb5\x2f\xfd", "a zstd file"},
    Known{"\x89PNG", "a PNG picture"},
    Known{"\xff\xd8\xff", "a JPEG picture"},
    Known{"\x93NUMPY", "a NumPy array"},
    Known{"%PDF", "a PDF document"},
    Known{"\x7f"
          "ELF",
          "a program"},
    Known{"version https://git-lfs", "a pointer of Git LFS, not the file it stands for"},
};

bool is_html(std::string_view start) {
  std::string lower(start);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::size_t tag = lower.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return tag != lower.npos && lower[tag] == '<' &&
         (lower.find("<html") != lower.npos || lower.find("<!doctype html") != lower.npos ||
          lower.find("<head") != lower.npos || lower.find("<body") != lower.npos);
}

// An IDX file begins with two zeros, the type of its elements and the number of its dims.
std::string idx_kind(std::string_view start) {
  constexpr std::string_view kTypes = "\x08\x09\x0b\x0c\x0d\x0e";
  constexpr std::array kNames{"u8", "i8", "i16", "i32", "f32", "f64"};
  if (start.size() < 4) return {};
  const auto is_idx = [&](char a, char b, char type, char dims) {
    return a == 0 && b == 0 && dims > 0 && dims < 9 && kTypes.find(type) != kTypes.npos;
  };
  if (is_idx(start[3], start[2], start[1], start[0])) return "IDX in the other byte order";
  if (!is_idx(start[0], start[1], start[2], start[3])) return {};
  if (start[2] == 8 && start[3] == 3) return "a file of images";
  if (start[2] == 8 && start[3] == 1) return "a file of labels";
  return fmt::format("IDX of {} in {} dims", kNames[kTypes.find(start[2])], int(start[3]));
}

}  // namespace

std::string file_kind(std::string_view start) {
  for (const Known& known : kKnown) {
    if (start.starts_with(known.start)) return std::string(known.kind);
  }
  constexpr std::size_t kTarMark = 257;
  if (start.size() > kTarMark && start.substr(kTarMark).starts_with("ustar"))
    return "a tar archive";
  if (const std::string idx = idx_kind(start); !idx.empty()) return idx;
  if (is_html(start)) return "an HTML page";
  const bool text = std::ranges::all_of(
      start, [](unsigned char c) { return c >= ' ' || c == '\n' || c == '\r' || c == '\t'; });
  if (!text || start.empty()) return {};
  constexpr std::size_t kShown = 30;
  const std::string_view line = start.substr(0, std::min(start.find_first_of("\r\n"), kShown));
  return fmt::format("text that begins '{}'", line);
}

}  // namespace nodec::digits
