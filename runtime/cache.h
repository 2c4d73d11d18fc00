// Compiled programs kept on disk by content. An entry is found by the hash of everything the
// program was compiled from; it is checked before it is believed, and a damaged one is removed.
//
// Entries are written to a temporary file and published by rename, so readers and writers of other
// processes never see a part of one. A folder that cannot be written costs nothing but the speed.
#pragma once

#include <filesystem>
#include <optional>

#include "ir/abi.h"
#include "runtime/hash.h"

namespace nodec {

class ObjectCache {
 public:
  explicit ObjectCache(std::filesystem::path folder);  // empty: no cache
  // NODEC_CACHE_DIR (empty: none), else nodec in the user's cache folder, else none.
  static ObjectCache from_environment();

  const std::filesystem::path& folder() const { return folder_; }
  std::optional<Artifact> find(const Hash& key) const;
  bool store(const Hash& key, const Artifact& artifact) const;  // false: could not write

 private:
  std::filesystem::path entry(const Hash& key) const;
  std::filesystem::path folder_;
};

}  // namespace nodec
