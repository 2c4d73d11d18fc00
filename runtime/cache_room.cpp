// An entry and what tells about it go together. When an entry was last used is its access time,
// which a hit sets; when it was written stays in the other.
#include "runtime/cache_room.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ir/error.h"
#include "ir/lasting.h"

namespace nodec {
namespace {

constexpr std::time_t kAbandoned = 3600;  // seconds after which nobody finishes a file any more
constexpr std::size_t kDigits = 32;       // of a key

struct Entry {
  std::uint64_t bytes = 0;
  timespec used = {};
};

struct Contents {
  std::uint64_t bytes = 0;
  std::map<std::string, Entry> entries;  // by the digits of their keys
};

bool earlier(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

// ".KEY.nodec.PID.SERIAL.part"
bool is_unfinished(std::string_view name) {
  if (!name.starts_with('.') || !name.ends_with(".part") || name.size() < kDigits + 6) return false;
  return key_in(fmt::format("{}.why", name.substr(1, kDigits)), ".why").has_value();
}

Contents look_through(const std::filesystem::path& folder) {
  Contents contents;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(folder.c_str()), closedir);
  if (directory == nullptr) return contents;
  const int at = dirfd(directory.get());
  const std::time_t now = std::time(nullptr);
  while (const dirent* file = readdir(directory.get())) {
    const std::string_view name = file->d_name;
    const bool unfinished = is_unfinished(name);
    const bool entry = key_in(name, ".nodec").has_value();
    struct stat status;
    if (!unfinished && !entry && !key_in(name, ".why")) continue;
    if (fstatat(at, file->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(status.st_mode)) continue;
    if (unfinished) {
      if (now - status.st_mtim.tv_sec > kAbandoned) unlinkat(at, file->d_name, 0);
      continue;
    }
    Entry& of_key = contents.entries[std::string(name.substr(0, kDigits))];
    of_key.bytes += std::uint64_t(status.st_size);
    if (entry || of_key.used.tv_sec == 0) of_key.used = status.st_atim;
    contents.bytes += std::uint64_t(status.st_size);
  }
  return contents;
}

// The least recently used first, until no more than `most` bytes are left.
void remove_oldest(const std::filesystem::path& folder, std::uint64_t most, const std::string& kept,
                   Contents& contents) {
  std::vector<std::pair<std::string, Entry>> order(contents.entries.begin(),
                                                   contents.entries.end());
  std::ranges::sort(
      order, [](const auto& a, const auto& b) { return earlier(a.second.used, b.second.used); });
  for (const auto& [digits, entry] : order) {
    if (contents.bytes <= most) return;
    if (digits == kept) continue;
    for (const char* extension : {".nodec", ".why"}) {
      unlink((folder / (digits + extension)).c_str());
    }
    contents.bytes -= entry.bytes;
  }
}

}  // namespace

std::uint64_t cache_limit_from_environment() {
  const char* text = std::getenv("NODEC_CACHE_LIMIT");
  if (text == nullptr || *text == '\0') return kUsualCacheLimit;
  const std::string_view given = text;
  std::uint64_t number = 0, unit = 1;
  const auto [at, error] = std::from_chars(given.begin(), given.end(), number);
  std::string_view letters(at, std::size_t(given.end() - at));
  for (const std::string_view end : {"iB", "B"}) {
    if (letters.ends_with(end)) letters.remove_suffix(end.size());
  }
  const std::size_t power = std::string_view("KkMmGgTt").find(letters.empty() ? '?' : letters[0]);
  if (power != std::string_view::npos) unit = std::uint64_t{1} << (10 * (power / 2 + 1));
  const bool known = letters.empty() || (letters.size() == 1 && unit > 1);
  if (error == std::errc() && known && !__builtin_mul_overflow(number, unit, &number))
    return number;
  throw Error(fmt::format("NODEC_CACHE_LIMIT is a size in bytes, got '{}'", given), {},
              "give it as 500M or 2G; 0 keeps nothing");
}

std::optional<Hash> key_in(std::string_view name, std::string_view extension) {
  if (name.size() != kDigits + extension.size() || !name.ends_with(extension)) return std::nullopt;
  name = name.substr(0, kDigits);
  const Hash key = Hash::read(name);
  return key.str() == name ? std::optional(key) : std::nullopt;
}

void make_room(const std::filesystem::path& folder, std::uint64_t limit, std::uint64_t stored,
               const Hash& key) {
  constexpr std::uint64_t kLarge = std::uint64_t{1} << 26;
  static std::mutex lock;
  static auto& known =
      lasting<std::map<std::filesystem::path, std::uint64_t>>();  // bytes, by folder
  const std::lock_guard guard(lock);
  const auto found = known.find(folder);
  if (found != known.end() && (found->second += stored) <= limit) return;
  Contents contents = look_through(folder);
  // Of a large cache some more goes, so that not every entry from now on makes us look again.
  const std::uint64_t most = limit < kLarge ? limit : limit - limit / 16;
  if (contents.bytes > limit) remove_oldest(folder, most, key.str(), contents);
  known[folder] = contents.bytes;
}

}  // namespace nodec
