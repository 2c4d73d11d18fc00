// Writing and reading safetensors.
#include "runtime/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "ir/error.h"
#include "ir/nearest.h"
#include "runtime/mapped_file.h"
#include "runtime/plain_file.h"
#include "runtime/publish.h"

namespace nodec {
namespace {

namespace fs = std::filesystem;

struct StoredDtype {
  Dtype dtype;
  const char* word;
};
constexpr std::array kStored{StoredDtype{Dtype::Bool, "BOOL"}, StoredDtype{Dtype::U8, "U8"},
                             StoredDtype{Dtype::I32, "I32"},   StoredDtype{Dtype::I64, "I64"},
                             StoredDtype{Dtype::F32, "F32"},   StoredDtype{Dtype::F64, "F64"},
                             StoredDtype{Dtype::Key, "U64"}};

constexpr const char* kMetadata = "__metadata__";
constexpr std::uint64_t kLongestJson = 100'000'000;  // what Python's readers take

[[noreturn]] void refuse_file(const fs::path& path, const std::string& what) {
  throw Error(fmt::format("'{}' {}", path.string(), what), {},
              "give a whole safetensors file, as nodec or Python's safetensors writes it");
}

bool is_utf8(const std::string& text) {
  try {
    return !nlohmann::json(text).dump().empty();
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

std::string words_not_utf8(const std::vector<NamedView>& arrays, const Metadata& metadata) {
  std::vector<std::string> words;
  const auto look = [&](const std::string& word) {
    if (!is_utf8(word)) words.push_back(fmt::format("'{}'", word));
  };
  for (const auto& [name, array] : arrays) look(name);
  for (const auto& [key, word] : metadata) look(key), look(word);
  return fmt::format("{}", fmt::join(words, ", "));
}

// Of entries of one name a reader sees one, and no array in that of the metadata.
void check_names(const fs::path& path, const std::vector<NamedView>& arrays) {
  std::set<std::string_view> names;
  for (const auto& [name, array] : arrays) {
    if (name == kMetadata) {
      throw Error(fmt::format("cannot write '{}': an array is named '{}', which is the place of "
                              "a safetensors file's metadata",
                              path.string(), name),
                  {}, "give it another name");
    }
    if (names.insert(name).second) continue;
    throw Error(fmt::format("cannot write '{}': two arrays are named '{}'", path.string(), name),
                {}, "give each a name of its own");
  }
}

void check_length(const fs::path& path, std::size_t length) {
  if (length <= kLongestJson) return;
  throw Error(fmt::format("cannot write '{}': its header would have {} bytes, and readers take {} "
                          "at most",
                          path.string(), length, kLongestJson),
              {}, "write fewer arrays, or less metadata");
}

std::string header_of(const std::vector<NamedView>& arrays, const Metadata& metadata) {
  nlohmann::ordered_json entries = nlohmann::ordered_json::object();
  if (!metadata.empty()) entries[kMetadata] = metadata;
  std::size_t offset = 0;
  for (const auto& [name, array] : arrays) {
    const std::size_t end = offset + array.bytes();
    const Dtype dtype = array.dtype;
    const auto* stored = std::ranges::find(kStored, dtype, &StoredDtype::dtype);
    entries[name] = {{"dtype", stored->word},
                     {"shape", std::vector(array.dims.begin(), array.dims.end())},
                     {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = entries.dump();
  } catch (const nlohmann::json::type_error&) {
    throw Error(fmt::format("a safetensors file has names and words in UTF-8, got {}",
                            words_not_utf8(arrays, metadata)),
                {}, "write them in UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

struct Stored {
  std::string name;
  Dtype dtype = Dtype::F32;
  std::vector<std::int64_t> dims;
  std::uint64_t begin = 0, end = 0;  // bytes of the data
};

// The whole numbers of a JSON array; nothing for anything else.
std::optional<std::vector<std::uint64_t>> whole_numbers(const nlohmann::json& entry,
                                                        const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) return std::nullopt;
  std::vector<std::uint64_t> numbers;
  for (const nlohmann::json& number : *found) {
    if (!number.is_number_unsigned()) return std::nullopt;
    numbers.push_back(number.get<std::uint64_t>());
  }
  return numbers;
}

Stored stored_entry(const fs::path& path, const std::string& name, const nlohmann::json& json) {
  const auto says = [&](const std::string& what) {
    refuse_file(path, fmt::format("says of '{}' {}", name, what));
  };
  if (!json.is_object()) says("nothing that can be read");
  const auto dtype = json.find("dtype");
  const auto* stored = std::ranges::find_if(
      kStored, [&](const StoredDtype& s) { return dtype != json.end() && *dtype == s.word; });
  if (stored == kStored.end()) {
    if (dtype == json.end() || !dtype->is_string()) says("no dtype");
    throw Error(fmt::format("'{}' holds '{}' as {}, which nodec has not", path.string(), name,
                            dtype->get<std::string>()),
                {}, "save it as F32, F64, I32, I64, U8 or BOOL");
  }
  const auto shape = whole_numbers(json, "shape"), range = whole_numbers(json, "data_offsets");
  if (!shape || !range || range->size() != 2) says("no shape or no place");
  Stored entry{name, stored->dtype, {}, (*range)[0], (*range)[1]};
  std::uint64_t size = std::uint64_t(bytes(stored->dtype));
  bool fits = true;
  for (const std::uint64_t dim : *shape) {
    fits = !__builtin_mul_overflow(size, dim, &size) && dim < std::uint64_t{1} << 40 && fits;
    entry.dims.push_back(std::int64_t(dim));
  }
  if (!fits || entry.end < entry.begin || entry.end - entry.begin != size) {
    says(fmt::format("that its shape is [{}] and its data are bytes {} to {}",
                     fmt::join(*shape, ", "), entry.begin, entry.end));
  }
  return entry;
}

// In the order of their data, which leave no gap.
std::vector<Stored> stored_entries(const fs::path& path, const nlohmann::json& json,
                                   std::uint64_t data) {
  std::vector<Stored> entries;
  for (const auto& [name, entry] : json.items()) {
    if (name != kMetadata) entries.push_back(stored_entry(path, name, entry));
  }
  std::ranges::sort(entries, {}, [](const Stored& e) { return std::pair(e.begin, e.end); });
  std::uint64_t at = 0;
  for (const Stored& entry : entries) {
    if (entry.begin != at) {
      refuse_file(path, fmt::format("says that '{}' begins at byte {} where {} is next", entry.name,
                                    entry.begin, at));
    }
    at = entry.end;
  }
  if (at != data) {
    refuse_file(path, fmt::format("holds {} bytes of data where its header wants {}", data, at));
  }
  return entries;
}

struct Opened {
  std::vector<Stored> entries;
  Metadata metadata;
  std::uint64_t data = 0;  // where the arrays begin in the file
};

// Leaves the file at its first array.
Opened open_safetensors(PlainFile& file, const fs::path& path) {
  if (!file.trouble().empty()) refuse_file(path, "cannot be read: " + file.trouble());
  std::array<std::uint8_t, 8> start{};
  std::uint64_t length = 0;
  const bool starts = file.read(start.data(), start.size()) == start.size();
  for (std::size_t i = 0; i < start.size(); ++i) length |= std::uint64_t{start[i]} << (8 * i);
  if (!starts || length > std::min(kLongestJson, file.size() - start.size())) {
    refuse_file(path, "is no safetensors file: it does not begin with the length of its header");
  }
  std::string text(length, '\0');
  if (file.read(text.data(), length) != length) refuse_file(path, "cannot be read to its end");
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) refuse_file(path, "is no safetensors file: its header is not JSON");
  Opened opened;
  opened.data = start.size() + length;
  opened.entries = stored_entries(path, json, file.size() - opened.data);
  if (const auto found = json.find(kMetadata); found != json.end() && found->is_object()) {
    for (const auto& [name, word] : found->items()) {
      if (word.is_string()) opened.metadata[name] = word.get<std::string>();
    }
  }
  return opened;
}

}  // namespace

const Tensor* SafeTensors::find(std::string_view name) const {
  const auto found = std::ranges::find(arrays, name, &NamedTensor::name);
  return found == arrays.end() ? nullptr : &found->array;
}

void write_safetensors(const fs::path& path, const std::vector<NamedView>& arrays,
                       const Metadata& metadata) {
  for (const auto& [name, array] : arrays) {
    if (array.data != nullptr || array.bytes() == 0) continue;
    throw Error(fmt::format("cannot write '{}': '{}' has no bytes", path.string(), name), {},
                "write the tensor it was moved to");
  }
  check_names(path, arrays);
  const std::string text = header_of(arrays, metadata);
  check_length(path, text.size());
  std::string length;
  for (int shift = 0; shift < 64; shift += 8) length += char(text.size() >> shift);
  FileParts parts = {length, text};
  for (const NamedView& named : arrays) {
    parts.emplace_back(static_cast<const char*>(named.array.data), named.array.bytes());
  }
  const std::string trouble = publish(path, parts);
  if (trouble.empty()) return;
  throw Error(fmt::format("cannot write '{}': {}", path.string(), trouble), {},
              "name a file in a folder that can be written and has room");
}

SafeTensors read_safetensors(const fs::path& path) {
  PlainFile file(path);
  Opened opened = open_safetensors(file, path);
  SafeTensors read;
  read.metadata = std::move(opened.metadata);
  for (Stored& entry : opened.entries) {
    NamedTensor named{std::move(entry.name), Tensor(entry.dtype, std::move(entry.dims))};
    const std::uint64_t wanted = entry.end - entry.begin;
    if (file.read(named.array.data(), wanted) != wanted) {
      refuse_file(path, "cannot be read to its end");
    }
    check_booleans(named.array, path, named.name);
    read.arrays.push_back(std::move(named));
  }
  return read;
}

Tensor map_safetensor(const fs::path& path, std::string_view name,
                      std::shared_ptr<const void>& keeps) {
  PlainFile file(path);
  Opened opened = open_safetensors(file, path);
  std::vector<std::string> known;
  for (Stored& entry : opened.entries) {
    if (entry.name == name) {
      Tensor array = array_in_file(file, path, opened.data + entry.begin, entry.dtype,
                                   std::move(entry.dims), keeps);
      check_booleans(array, path, name);
      return array;
    }
    known.push_back(entry.name);
  }
  throw Error(fmt::format("'{}' holds no array '{}'", path.string(), name), {},
              suggestion(name, known, fmt::format("it holds '{}'", fmt::join(known, "', '"))));
}

}  // namespace nodec
