// A reader of Python literals: as much of them as such a header can hold.
#include "runtime/npy_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace nodec {
namespace {

constexpr std::size_t kMostAxes = 32;

struct Format {
  Dtype dtype;
  std::string_view written;  // as NumPy spells it
  std::array<std::string_view, 4> others;
};
constexpr std::array kFormats{
    Format{Dtype::Bool, "|b1", {"b1", "?", "bool", "bool_"}},
    Format{Dtype::U8, "|u1", {"u1", "B", "uint8", "ubyte"}},
    Format{Dtype::I32, "<i4", {"i4", "i", "int32", "intc"}},
    Format{Dtype::I64, "<i8", {"i8", "q", "int64", "l"}},
    Format{Dtype::F32, "<f4", {"f4", "f", "float32", "single"}},
    Format{Dtype::F64, "<f8", {"f8", "d", "float64", "double"}},
    Format{Dtype::Key, "<u8", {"u8", "Q", "uint64", "L"}},
};

const Format& format_of(Dtype dtype) { return *std::ranges::find(kFormats, dtype, &Format::dtype); }

Dtype dtype_of(std::string_view descr) {
  std::string_view code = descr;
  const bool ordered = !code.empty() && std::string_view("<>=|").find(code[0]) != code.npos;
  if (ordered) code.remove_prefix(1);
  const auto known = std::ranges::find_if(kFormats, [&](const Format& format) {
    return std::ranges::find(format.others, code) != format.others.end();
  });
  if (known == kFormats.end()) {
    throw NpyFault(fmt::format("holds elements of type {}", descr),
                   "save it as bool, uint8, int32, int64, float32 or float64, little-endian");
  }
  if (descr[0] == '>' && bytes(known->dtype) > 1) {
    throw NpyFault(fmt::format("holds big-endian elements ({})", descr),
                   fmt::format("save it little-endian: array.astype('{}')", known->written));
  }
  return known->dtype;
}

class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : rest_(text) {}

  bool take(char wanted) {
    skip_space();
    if (rest_.empty() || rest_[0] != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool at_end() {
    skip_space();
    return rest_.empty();
  }
  // The text between quotes of either kind, which Python 2 wrote as u'...' too.
  std::optional<std::string_view> string() {
    skip_space();
    const std::size_t quote = rest_.starts_with('u') ? 1 : 0;
    if (rest_.size() <= quote || (rest_[quote] != '\'' && rest_[quote] != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_[quote], quote + 1);
    if (end == rest_.npos) return std::nullopt;
    return cut(end + 1).substr(quote + 1, end - quote - 1);
  }
  std::string_view word() {
    skip_space();
    std::size_t end = 0;
    while (end < rest_.size() && is_letter(rest_[end])) ++end;
    return cut(end);
  }
  // Python 2 wrote long numbers as 3L.
  std::optional<std::int64_t> number() {
    skip_space();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return std::nullopt;
    cut(std::size_t(end - rest_.data()));
    if (!rest_.empty() && rest_[0] == 'L') cut(1);
    return value;
  }
  // What stands here, up to where a value could end, for a message.
  std::string_view value() {
    skip_space();
    const bool list = rest_.starts_with('[');
    const std::size_t end = rest_.find_first_of(list ? "]\n" : ",}\n");
    return rest_.substr(0, end == rest_.npos ? end : end + (list ? 1 : 0));
  }

 private:
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
  void skip_space() { cut(std::min(rest_.size(), rest_.find_first_not_of(" \t\r\n"))); }
  std::string_view cut(std::size_t size) {
    const std::string_view head = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return head;
  }
  std::string_view rest_;
};

Dtype read_dtype(LiteralReader& reader) {
  const std::string_view as_it_stands = reader.value();
  if (const auto descr = reader.string()) return dtype_of(*descr);
  throw NpyFault(fmt::format("holds elements of type {}", as_it_stands),
                 "save one array of plain numbers");
}

bool read_flag(LiteralReader& reader) {
  const std::string_view word = reader.word();
  if (word != "True" && word != "False") throw NpyFault("states no order of its elements");
  return word == "True";
}

std::vector<std::int64_t> read_dims(LiteralReader& reader) {
  if (!reader.take('(')) throw NpyFault("states no shape");
  std::vector<std::int64_t> dims;
  for (bool more = true; !reader.take(')'); more = reader.take(',')) {
    const auto dim = more ? reader.number() : std::nullopt;
    if (!dim || *dim < 0 || *dim >= kSizeLimit || dims.size() == kMostAxes) {
      throw NpyFault("states a shape that cannot be");
    }
    dims.push_back(*dim);
  }
  return dims;
}

// Whether the order of the axes changes where an element lies.
bool has_order(const std::vector<std::int64_t>& dims) {
  const bool empty = std::ranges::find(dims, 0) != dims.end();
  return !empty && std::ranges::count_if(dims, [](std::int64_t dim) { return dim != 1; }) > 1;
}

}  // namespace

NpyHeader read_npy_header(std::string_view text) {
  const NpyFault damaged("has a damaged header", "write it with numpy.save");
  LiteralReader reader(text);
  std::optional<Dtype> dtype;
  std::optional<bool> by_columns;
  std::optional<std::vector<std::int64_t>> dims;
  if (!reader.take('{')) throw damaged;
  for (bool more = true; !reader.take('}'); more = reader.take(',')) {
    const auto key = more ? reader.string() : std::nullopt;
    if (!key || !reader.take(':')) throw damaged;
    if (*key == "descr" && !dtype) {
      dtype = read_dtype(reader);
    } else if (*key == "fortran_order" && !by_columns) {
      by_columns = read_flag(reader);
    } else if (*key == "shape" && !dims) {
      dims = read_dims(reader);
    } else {
      throw damaged;
    }
  }
  if (!reader.at_end()) throw damaged;
  if (!dtype) throw NpyFault("states no 'descr'");
  if (!by_columns) throw NpyFault("states no 'fortran_order'");
  if (!dims) throw NpyFault("states no 'shape'");
  const bool turned = *by_columns && has_order(*dims);
  return {*dtype, turned, std::move(*dims)};
}

std::string npy_header(Dtype dtype, const std::vector<std::int64_t>& dims) {
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                  format_of(dtype).written, fmt::join(dims, ", "), dims.size() == 1 ? "," : "");
  constexpr std::size_t kRoom = 21;  // of the first axis, digits and spaces together
  if (!dims.empty()) header.append(kRoom - fmt::formatted_size("{}", dims[0]), ' ');
  return header;
}

}  // namespace nodec
