// Compiled programs kept on disk by content. An entry is found by the hash of everything the
// program was compiled from; it is checked before it is believed, and a damaged one is removed.
//
// Entries are written to a temporary file and published by rename, so readers and writers of other
// processes never see a part of one. A folder that cannot be written costs nothing but the speed.
// It takes no more room than a limit: what was used least recently goes (cache_room.h).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ir/abi.h"
#include "runtime/cache_record.h"
#include "runtime/cache_room.h"

namespace nodec {

class ObjectCache {
 public:
  // No folder: no cache.
  explicit ObjectCache(std::filesystem::path folder,
                       std::uint64_t limit = cache_limit_from_environment());
  // NODEC_CACHE_DIR (empty: none), else nodec in the user's cache folder, else none.
  static ObjectCache from_environment();

  const std::filesystem::path& folder() const { return folder_; }
  // Why nothing can be kept in the folder, which is made if need be; else empty.
  std::string trouble() const;

  std::optional<Artifact> find(const Hash& key) const;
  // False: could not write.
  bool store(const Hash& key, const Artifact& artifact, const KeyFields& fields = {}) const;

  // What its entries say they were made of, in no order.
  std::vector<CacheGlance> glances() const;
  // All of what one of them says, checked.
  std::optional<KeyFields> fields(const Hash& key) const;
  std::uintmax_t bytes(const Hash& key) const;  // of an entry; 0 when there is none

 private:
  std::filesystem::path entry(const Hash& key) const;
  std::filesystem::path reason(const Hash& key) const;
  std::filesystem::path folder_;
  std::uint64_t limit_;
};

}  // namespace nodec
