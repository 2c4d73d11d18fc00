// What a cache entry was made from, as the file beside it tells (KEY.why): names and values, among
// them whole programs. A glance reads little of each, so that thousands can be looked through.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/hash.h"

namespace nodec {

// What a key is made of, by name. Kept beside an entry, so that a miss can be explained.
using KeyFields = std::vector<std::pair<std::string, std::string>>;
Hash key_of(const KeyFields& fields);

// The fields with long values cut, as they stand in the file: not checked.
struct CacheGlance {
  static constexpr std::size_t kMost = 200;  // bytes of a value

  Hash key;
  KeyFields fields = {};
  std::vector<std::size_t> sizes = {};  // of the values, before they were cut
  std::filesystem::file_time_type written = {};
};

std::string encode(const KeyFields& fields);
// Nothing when the text is not what encode wrote.
std::optional<KeyFields> decode_fields(std::string_view text);
// Nothing when the file cannot be read, or is none of these.
std::optional<CacheGlance> glance_at(const std::filesystem::path& file, const Hash& key);

}  // namespace nodec
