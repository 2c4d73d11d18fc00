// The format of a cache entry and the care with which it is written and read.
//
// An entry: magic, format version, key, the sizes of its two parts, the hash of the parts seeded
// with the rest; then the signature and the object. The name is the key, and the key is stored
// again, so that a renamed or foreign file is never mistaken for another. What the key was made of
// is a file of its own (cache_record.h): nothing but an explanation depends on it.
#include "runtime/cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <unordered_set>

#include "runtime/plain_file.h"
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
constexpr std::uint64_t kLargestEntry = std::uint64_t{1} << 30;  // what is larger is none of ours

Hash checksum_of(const Header& header, std::string_view parts) {
  return hash(parts, header.key.low ^ header.signature_bytes);
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

// What lies in the folder is run: one that is made here is its owner's alone, under any umask.
// (XDG Base Directory Specification: such folders are created with mode 0700.)
std::error_code make_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  if (std::filesystem::is_directory(folder, failure)) return {};
  const std::filesystem::path bare = (folder / "").parent_path();  // without a slash at its end
  std::filesystem::create_directories(bare.parent_path(), failure);
  if (mkdir(bare.c_str(), S_IRWXU) == 0 || errno == EEXIST) return {};
  return {errno, std::generic_category()};
}

}  // namespace

ObjectCache::ObjectCache(std::filesystem::path folder, std::uint64_t limit)
    : folder_(std::move(folder)), limit_(limit) {}

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

std::string ObjectCache::trouble() const {
  if (const std::error_code failure = make_folder(folder_)) return failure.message();
  return why_unwritable(folder_ / "probe");
}

std::optional<Artifact> ObjectCache::find(const Hash& key) const {
  if (folder_.empty()) return std::nullopt;
  const std::filesystem::path path = entry(key);
  const auto bytes = read_whole(path, kLargestEntry);
  if (!bytes) return std::nullopt;
  auto artifact = decode(key, *bytes);
  if (!artifact) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    std::filesystem::remove(reason(key), ignored);
    return std::nullopt;
  }
  constexpr timespec kUsedNow[] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  utimensat(AT_FDCWD, path.c_str(), kUsedNow, 0);
  return artifact;
}

bool ObjectCache::store(const Hash& key, const Artifact& artifact, const KeyFields& fields) const {
  if (folder_.empty()) return false;
  const std::string bytes = encode(key, artifact), why = fields.empty() ? "" : encode(fields);
  if (bytes.size() + why.size() > std::min(limit_, kLargestEntry)) return false;
  if (make_folder(folder_) || !publish_entry(entry(key), {bytes}).empty()) return false;
  if (!fields.empty() && !publish_entry(reason(key), {why}).empty()) {
    std::error_code ignored;
    std::filesystem::remove(reason(key), ignored);  // one of another format
  }
  make_room(folder_, limit_, bytes.size() + why.size(), key);
  return true;
}

std::vector<CacheGlance> ObjectCache::glances() const {
  std::vector<CacheGlance> all;
  std::error_code failed;
  if (folder_.empty()) return all;
  std::vector<Hash> keys;
  std::unordered_set<std::string> entries;
  for (std::filesystem::directory_iterator file(folder_, failed), end; !failed && file != end;
       file.increment(failed)) {
    const std::string name = file->path().filename().string();
    if (const auto key = key_in(name, ".why")) keys.push_back(*key);
    if (key_in(name, ".nodec")) entries.insert(name);
  }
  for (const Hash& key : keys) {
    if (!entries.contains(entry(key).filename().string())) continue;
    if (auto glance = glance_at(reason(key), key)) all.push_back(std::move(*glance));
  }
  return all;
}

std::optional<KeyFields> ObjectCache::fields(const Hash& key) const {
  const auto text = read_whole(reason(key), kLargestEntry);
  auto fields = text ? decode_fields(*text) : std::nullopt;
  return fields && key_of(*fields) == key ? std::move(fields) : std::nullopt;
}

std::uintmax_t ObjectCache::bytes(const Hash& key) const {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(entry(key), failed);
  return failed ? 0 : size;
}

}  // namespace nodec
