// The text: a line with the checksum of the rest, then for each field a line with its name and
// size, and the value.
#include "runtime/cache_record.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "runtime/plain_file.h"

namespace nodec {
namespace {

std::string text_of(const KeyFields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    text += fmt::format("{} {}\n{}\n", name, value.size(), value);
  }
  return text;
}

struct FieldLine {
  std::string_view name;
  std::size_t size = 0, bytes = 0;  // of the value; of this line
};

std::optional<FieldLine> field_line(std::string_view text) {
  const std::size_t end = text.find('\n'), space = text.substr(0, end).find(' ');
  if (end == text.npos || space == text.npos) return std::nullopt;
  FieldLine line{text.substr(0, space), 0, end + 1};
  const char* stop = text.data() + end;
  const auto [at, error] = std::from_chars(text.data() + space + 1, stop, line.size);
  if (error != std::errc() || at != stop) return std::nullopt;
  return line;
}

std::filesystem::file_time_type written_at(const struct stat& status) {
  const auto since = std::chrono::seconds(status.st_mtim.tv_sec) +
                     std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return std::chrono::file_clock::from_sys(std::chrono::sys_time<std::chrono::nanoseconds>(since));
}

}  // namespace

Hash key_of(const KeyFields& fields) { return hash(text_of(fields)); }

std::string encode(const KeyFields& fields) {
  const std::string text = text_of(fields);
  return fmt::format("{}\n{}", hash(text).str(), text);
}

std::optional<KeyFields> decode_fields(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  if (end == bytes.npos) return std::nullopt;
  std::string_view text = bytes.substr(end + 1);
  if (bytes.substr(0, end) != hash(text).str()) return std::nullopt;
  KeyFields fields;
  while (!text.empty()) {  // the checksum agrees, so this is what encode wrote
    const auto line = field_line(text);
    if (!line || line->size >= text.size() - line->bytes) return std::nullopt;
    fields.emplace_back(line->name, text.substr(line->bytes, line->size));
    text.remove_prefix(line->bytes + line->size + 1);
  }
  return fields;
}

// A read for every long value is passed over: two or three in all.
std::optional<CacheGlance> glance_at(const std::filesystem::path& path, const Hash& key) {
  const PlainFile file(path);
  struct stat status;
  if (!file.trouble().empty() || fstat(file.descriptor(), &status) != 0) return std::nullopt;
  CacheGlance glance{.key = key, .written = written_at(status)};
  std::array<char, 1024> buffer;
  std::uint64_t start = key.str().size() + 1;  // behind the checksum
  std::string_view text;                       // what is read from there on
  while (start < file.size()) {
    auto line = field_line(text);
    if (!line || text.size() - line->bytes < std::min(line->size + 1, CacheGlance::kMost)) {
      const ssize_t got = pread(file.descriptor(), buffer.data(), buffer.size(), off_t(start));
      text = {buffer.data(), std::size_t(std::max<ssize_t>(got, 0))};
      line = field_line(text);
    }
    if (!line || line->size >= file.size() - start - line->bytes) return std::nullopt;
    glance.fields.emplace_back(line->name,
                               text.substr(line->bytes, std::min(line->size, CacheGlance::kMost)));
    glance.sizes.push_back(line->size);
    const std::uint64_t taken = line->bytes + line->size + 1;
    start += taken;
    text.remove_prefix(std::min<std::uint64_t>(text.size(), taken));
  }
  if (glance.fields.empty()) return std::nullopt;
  return glance;
}

}  // namespace nodec
