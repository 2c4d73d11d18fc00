// The format of a cache entry and the care with which it is written and read.
//
// An entry: magic, format version, key, the sizes of its two parts, the hash of the parts seeded
// with the rest; then the signature and the object. The name is the key, and the key is stored
// again, so that a renamed or foreign file is never mistaken for another.
#include "runtime/cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

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

constexpr char kMagic[8] = {'n', 'o', 'd', 'e', 'c', 'o', 'b', 'j'};
constexpr std::uint64_t kVersion = 1;

Hash checksum_of(const Header& header, std::string_view parts) {
  return hash(parts, header.key.low ^ header.signature_bytes);
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<Artifact> decode(const Hash& key, std::string_view bytes) {
  Header header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::string_view parts = bytes.substr(sizeof header);
  const bool ours = std::memcmp(header.magic, kMagic, sizeof kMagic) == 0 &&
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
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.key = key;
  header.signature_bytes = signature.size();
  header.object_bytes = artifact.object.size();
  const std::string parts = signature + artifact.object;
  header.checksum = checksum_of(header, parts);
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + parts;
}

// Unique among the writers of this folder: other processes, and other threads of this one.
std::string temporary_name(const Hash& key) {
  static std::atomic<std::uint64_t> serial{0};
  return fmt::format(".{}.{}.{}.tmp", key.str(), getpid(), serial.fetch_add(1));
}

}  // namespace

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

std::optional<Artifact> ObjectCache::find(const Hash& key) const {
  if (folder_.empty()) return std::nullopt;
  const auto bytes = read_file(entry(key));
  if (!bytes) return std::nullopt;
  auto artifact = decode(key, *bytes);
  if (!artifact) {
    std::error_code ignored;
    std::filesystem::remove(entry(key), ignored);
  }
  return artifact;
}

bool ObjectCache::store(const Hash& key, const Artifact& artifact) const {
  if (folder_.empty()) return false;
  std::error_code failure;
  std::filesystem::create_directories(folder_, failure);
  const std::filesystem::path temporary = folder_ / temporary_name(key);
  const std::string bytes = encode(key, artifact);
  bool written = false;
  {
    std::ofstream file(temporary, std::ios::binary);
    file.write(bytes.data(), std::streamsize(bytes.size()));
    file.close();
    written = bool(file);
  }
  if (written) std::filesystem::rename(temporary, entry(key), failure);
  if (written && !failure) return true;
  std::filesystem::remove(temporary, failure);
  return false;
}

}  // namespace nodec
