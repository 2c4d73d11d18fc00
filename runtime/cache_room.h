// The room a cache takes: what was used least recently goes when there is too much, and so do files
// that a process left unfinished. Files of other names are never touched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "runtime/hash.h"

namespace nodec {

inline constexpr std::uint64_t kUsualCacheLimit = std::uint64_t{1} << 30;

// NODEC_CACHE_LIMIT: bytes, or a number with K, M, G or T (powers of 1024) behind it;
// kUsualCacheLimit where it is not set. Error for anything else.
std::uint64_t cache_limit_from_environment();

// The key in the name of an entry or of what tells about one (KEY.nodec, KEY.why).
std::optional<Hash> key_in(std::string_view file_name, std::string_view extension);

// To be called after `stored` bytes were added for `key`, the one entry that stays. Looks through
// the folder at a process's first call, and whenever there may be more than `limit` bytes.
void make_room(const std::filesystem::path& folder, std::uint64_t limit, std::uint64_t stored,
               const Hash& key);

}  // namespace nodec
