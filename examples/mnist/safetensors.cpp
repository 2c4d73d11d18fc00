// The format: a little-endian 64-bit length, a JSON header of that length (padded with spaces so
// that the data begin at a multiple of 8), then the arrays, row-major and back to back. Each header
// entry gives dtype, shape and the byte range within the data; "__metadata__" may hold anything.
#include "examples/mnist/safetensors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "compiler/nodec.h"

namespace nodec::mnist {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& trouble) {
  throw Error(fmt::format("cannot write '{}': {}", path.string(), trouble), {},
              "give --save a file in a folder that can be written and has room");
}

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
  throw Error(fmt::format("'{}' {}", path.string(), what), {},
              "give a safetensors file of f32 arrays, as --save writes it");
}

std::string header(const std::vector<NamedArray>& arrays) {
  nlohmann::ordered_json entries = nlohmann::ordered_json::object();
  std::size_t offset = 0;
  for (const NamedArray& array : arrays) {
    const std::size_t end = offset + array.values.size_bytes();
    entries[array.name] = {
        {"dtype", "F32"}, {"shape", array.dims}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = entries.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

void check_finite(const fs::path& path, const NamedArray& array) {
  const auto odd = std::ranges::find_if(array.values, [](float x) { return !std::isfinite(x); });
  if (odd == array.values.end()) return;
  throw Error(fmt::format("cannot write '{}': '{}' holds {}", path.string(), array.name, *odd), {},
              "train with a lower learning rate");
}

struct Entry {
  std::string name;
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

Entry entry_of(const fs::path& path, const std::string& name, const nlohmann::json& json) {
  const auto says = [&](const std::string& what) {
    refuse(path, fmt::format("says of '{}' {}", name, what));
  };
  if (!json.is_object()) says("nothing that can be read");
  const auto dtype = json.find("dtype");
  if (dtype == json.end() || *dtype != "F32") {
    says(fmt::format("that its dtype is {}", dtype == json.end() ? "missing" : dtype->dump()));
  }
  const auto shape = whole_numbers(json, "shape"), range = whole_numbers(json, "data_offsets");
  if (!shape || !range || range->size() != 2) says("no shape or no place");
  Entry entry{name, {}, (*range)[0], (*range)[1]};
  std::uint64_t bytes = sizeof(float);
  bool fits = true;
  for (const std::uint64_t dim : *shape) {
    fits = !__builtin_mul_overflow(bytes, dim, &bytes) && dim < std::uint64_t{1} << 40 && fits;
    entry.dims.push_back(std::int64_t(dim));
  }
  if (!fits || entry.end < entry.begin || entry.end - entry.begin != bytes) {
    says(fmt::format("that its shape is [{}] and its data are bytes {} to {}",
                     fmt::join(*shape, ", "), entry.begin, entry.end));
  }
  return entry;
}

// In the order of their data, which leave no gap.
std::vector<Entry> entries_of(const fs::path& path, const std::string& text, std::uint64_t data) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) refuse(path, "is no safetensors file: its header is not JSON");
  std::vector<Entry> entries;
  for (const auto& [name, entry] : json.items()) {
    if (name != "__metadata__") entries.push_back(entry_of(path, name, entry));
  }
  std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at) {
      refuse(path, fmt::format("says that '{}' begins at byte {} where {} is next", entry.name,
                               entry.begin, at));
    }
    at = entry.end;
  }
  if (at != data) {
    refuse(path, fmt::format("holds {} bytes of data where its header wants {}", data, at));
  }
  return entries;
}

}  // namespace

void check_writable(const fs::path& path) {
  const std::string trouble = why_unwritable(path);
  if (!trouble.empty()) fail(path, trouble);
}

void write_safetensors(const fs::path& path, const std::vector<NamedArray>& arrays) {
  for (const NamedArray& array : arrays) check_finite(path, array);
  const std::string text = header(arrays);
  std::string length;
  for (int shift = 0; shift < 64; shift += 8) length += static_cast<char>(text.size() >> shift);
  FileParts parts = {length, text};
  for (const NamedArray& array : arrays) {
    parts.emplace_back(reinterpret_cast<const char*>(array.values.data()),
                       array.values.size_bytes());
  }
  const std::string trouble = publish(path, parts);
  if (!trouble.empty()) fail(path, trouble);
}

std::vector<LoadedArray> read_safetensors(const fs::path& path) {
  constexpr std::uint64_t kLongestHeader = 100'000'000;  // what Python's readers take
  PlainFile file(path);
  if (!file.trouble().empty()) refuse(path, "cannot be read: " + file.trouble());
  std::array<std::uint8_t, 8> start{};
  std::uint64_t length = 0;
  const bool starts = file.read(start.data(), start.size()) == start.size();
  for (std::size_t i = 0; i < start.size(); ++i) length |= std::uint64_t{start[i]} << (8 * i);
  if (!starts || length > std::min(kLongestHeader, file.size() - start.size())) {
    refuse(path, "is no safetensors file: it does not begin with the length of its header");
  }
  std::string text(length, '\0');
  if (file.read(text.data(), length) != length) refuse(path, "cannot be read to its end");
  std::vector<LoadedArray> arrays;
  for (Entry& entry : entries_of(path, text, file.size() - start.size() - length)) {
    const std::uint64_t bytes = entry.end - entry.begin;
    LoadedArray array{std::move(entry.name), std::move(entry.dims), {}};
    array.values.resize(bytes / sizeof(float));
    if (file.read(array.values.data(), bytes) != bytes) refuse(path, "cannot be read to its end");
    arrays.push_back(std::move(array));
  }
  return arrays;
}

}  // namespace nodec::mnist
