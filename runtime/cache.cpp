// The format of a cache entry and the care with which it is written and read.
//
// An entry: magic, format version, key, the sizes of its two parts, the hash of the parts seeded
// with the rest; then the signature and the object. The name is the key, and the key is stored
// again, so that a renamed or foreign file is never mistaken for another. What the key was made of
// is a file of its own: nothing but an explanation depends on it.
#include "runtime/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "runtime/publish.h"
#include "runtime/signature.h"

namespace nodec {
namespace {

struct Header {
  char magic[8];
  std::uint64_t version;
  Hash key;
  std::uint64_t signature_bytes, object_bytes;
  Hash checksum;
};
static_assert(sizeof(Header) == 64);

constexpr char kObject[8] = {'n', 'o', 'd', 'e', 'c', 'o', 'b', 'j'};
constexpr std::uint64_t kVersion = 2;

Hash checksum_of(const Header& header, std::string_view parts) {
  return hash(parts, header.key.low ^ header.signature_bytes);
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  try {
    return std::string(std::istreambuf_iterator<char>(file), {});
  } catch (const std::ios_base::failure&) {  // a folder, or a disk that cannot be read
    return std::nullopt;
  }
}

std::optional<Artifact> decode(const Hash& key, std::string_view bytes) {
  Header header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::string_view parts = bytes.substr(sizeof header);
  const bool ours = std::memcmp(header.magic, kObject, sizeof kObject) == 0 &&
                    header.version == kVersion && header.key == key;
  if (!ours || header.signature_bytes > parts.size() ||
      header.object_bytes != parts.size() - header.signature_bytes ||
      header.checksum != checksum_of(header, parts)) {
    return std::nullopt;
  }
  auto signature = deserialize_signature(parts.substr(0, header.signature_bytes));
  if (!signature) return std::nullopt;
  return Artifact{std::string(parts.substr(header.signature_bytes)), std::move(*signature)};
}

std::string encode(const Hash& key, const Artifact& artifact) {
  const std::string signature = serialize(artifact.signature);
  Header header{};
  std::memcpy(header.magic, kObject, sizeof kObject);
  header.version = kVersion;
  header.key = key;
  header.signature_bytes = signature.size();
  header.object_bytes = artifact.object.size();
  const std::string parts = signature + artifact.object;
  header.checksum = checksum_of(header, parts);
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + parts;
}

// The fields as text: a line with the checksum of the rest, then for each field a line with its
// name and size and the value.
std::string text_of(const KeyFields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    text += fmt::format("{} {}\n{}\n", name, value.size(), value);
  }
  return text;
}

std::string encode(const KeyFields& fields) {
  const std::string text = text_of(fields);
  return fmt::format("{}\n{}", hash(text).str(), text);
}

std::optional<KeyFields> decode_fields(std::string_view bytes) {
  const std::size_t line = bytes.find('\n');
  if (line == bytes.npos) return std::nullopt;
  std::string_view text = bytes.substr(line + 1);
  if (bytes.substr(0, line) != hash(text).str()) return std::nullopt;
  KeyFields fields;
  while (!text.empty()) {  // the checksum agrees, so this is what encode wrote
    const std::size_t space = text.find(' '), end = text.find('\n');
    if (space == text.npos || end == text.npos || end < space) return std::nullopt;
    const std::size_t size = std::strtoull(text.data() + space + 1, nullptr, 10);
    if (size > text.size() - end - 1) return std::nullopt;
    fields.emplace_back(text.substr(0, space), text.substr(end + 1, size));
    text.remove_prefix(std::min(text.size(), end + 1 + size + 1));
  }
  return fields;
}

}  // namespace

Hash key_of(const KeyFields& fields) { return hash(text_of(fields)); }

ObjectCache::ObjectCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

ObjectCache ObjectCache::from_environment() {
  if (const char* folder = std::getenv("NODEC_CACHE_DIR")) return ObjectCache(folder);
  const char* caches = std::getenv("XDG_CACHE_HOME");
  if (caches != nullptr && *caches == '/') {
    return ObjectCache(std::filesystem::path(caches) / "nodec");
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == 0) return ObjectCache({});
  return ObjectCache(std::filesystem::path(home) / ".cache" / "nodec");
}

std::filesystem::path ObjectCache::entry(const Hash& key) const {
  return folder_ / (key.str() + ".nodec");
}

std::filesystem::path ObjectCache::reason(const Hash& key) const {
  return folder_ / (key.str() + ".why");
}

std::optional<Artifact> ObjectCache::find(const Hash& key) const {
  if (folder_.empty()) return std::nullopt;
  const auto bytes = read_file(entry(key));
  if (!bytes) return std::nullopt;
  auto artifact = decode(key, *bytes);
  if (!artifact) {
    std::error_code ignored;
    std::filesystem::remove(entry(key), ignored);
    std::filesystem::remove(reason(key), ignored);
  }
  return artifact;
}

bool ObjectCache::store(const Hash& key, const Artifact& artifact, const KeyFields& fields) const {
  if (folder_.empty()) return false;
  std::error_code failure;
  std::filesystem::create_directories(folder_, failure);
  if (!publish(entry(key), {encode(key, artifact)})) return false;
  if (!fields.empty()) publish(reason(key), {encode(fields)});
  return true;
}

std::vector<CacheRecord> ObjectCache::records() const {
  std::vector<CacheRecord> all;
  std::error_code failed;
  if (folder_.empty()) return all;
  for (std::filesystem::directory_iterator file(folder_, failed), end; !failed && file != end;
       file.increment(failed)) {
    if (file->path().extension() != ".why") continue;
    const auto bytes = read_file(file->path());
    auto fields = bytes ? decode_fields(*bytes) : std::nullopt;
    if (!fields) continue;
    const Hash key = key_of(*fields);
    std::error_code gone;
    const auto written = std::filesystem::last_write_time(entry(key), gone);
    if (gone) continue;
    const auto size = std::filesystem::file_size(entry(key), gone);
    if (!gone) all.push_back({key, std::move(*fields), written, size});
  }
  std::sort(all.begin(), all.end(),
            [](const CacheRecord& a, const CacheRecord& b) { return a.written < b.written; });
  return all;
}

}  // namespace nodec
