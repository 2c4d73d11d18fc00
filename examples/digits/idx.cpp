// Reading IDX. The order of checks is the order in which a damaged file can be told apart most
// plainly: magic, dims, size, content.
#include "examples/digits/idx.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "compiler/nodec.h"
#include "examples/digits/file_kind.h"
#include "examples/digits/packed_file.h"

namespace nodec::digits {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kImageMagic = 2051;
constexpr std::uint32_t kLabelMagic = 2049;

std::uint32_t big_endian(const std::uint8_t* b) {
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

struct Layout {
  const char* what;  // "images", "labels"
  std::uint32_t magic;
  std::size_t dims;  // words after the magic
};
constexpr Layout kImages{"images", kImageMagic, 3};
constexpr Layout kLabels{"labels", kLabelMagic, 1};

struct Header {
  std::uint64_t count = 0;
  std::uint64_t item = 1;  // bytes of one image or label
  std::uint64_t bytes = 0;
  std::uint64_t size() const { return bytes + count * item; }
};

// Another kind of file, which its first bytes tell.
[[noreturn]] void fail_magic(PackedFile& file, const fs::path& path, const Layout& layout,
                             std::span<const std::uint8_t> read) {
  std::string start(read.begin(), read.end());
  start.resize(512);
  start.resize(read.size() + file.read(reinterpret_cast<std::uint8_t*>(start.data()) + read.size(),
                                       start.size() - read.size()));
  const bool twice = file.is_packed() && start.starts_with("\x1f\x8b");
  const std::string kind = twice ? "gzip in gzip" : file_kind(start);
  throw Error(fmt::format("'{}' is no IDX file of {}: wanted magic {}, got {}{}", path.string(),
                          layout.what, layout.magic, big_endian(read.data()),
                          kind.empty() ? "" : fmt::format(" ({})", kind)),
              {}, twice ? "unpack it once with gunzip" : kFetchAgain);
}

Header read_header(PackedFile& file, const fs::path& path, const Layout& layout) {
  std::array<std::uint8_t, 16> raw{};
  const std::size_t wanted = 4 * (1 + layout.dims);
  const std::size_t got = file.read(raw.data(), wanted);
  const std::uint32_t magic = big_endian(raw.data());
  if (got >= 4 && magic != layout.magic) fail_magic(file, path, layout, {raw.data(), got});
  if (got < wanted) {
    throw Error(fmt::format("'{}' is truncated: wanted a header of {} bytes, got {}", path.string(),
                            wanted, got),
                {}, kFetchAgain);
  }
  Header header{.count = big_endian(raw.data() + 4), .bytes = wanted};
  if (layout.dims == 3) {
    const std::uint32_t rows = big_endian(raw.data() + 8), columns = big_endian(raw.data() + 12);
    if (rows != kSide || columns != kSide) {
      throw Error(fmt::format("'{}' holds images of {}x{}: wanted {}x{}", path.string(), rows,
                              columns, kSide, kSide),
                  {}, "name a folder with MNIST's own files with --data");
    }
    header.item = kPixels;
  }
  if (header.count == 0)
    throw Error(fmt::format("'{}' holds no {}", path.string(), layout.what), {}, kFetchAgain);
  return header;
}

[[noreturn]] void fail_size(const fs::path& path, const Layout& layout, const Header& header,
                            bool more, std::uint64_t got) {
  throw Error(fmt::format("'{}' is {}: its header announces {} {}, so {} bytes; got {}{}",
                          path.string(), more ? "too long" : "truncated", header.count, layout.what,
                          header.size(), more ? "at least " : "", got),
              {}, kFetchAgain);
}

// Grows as bytes arrive: a header that lies about its count must not make us allocate for it.
Bytes read_items(PackedFile& file, const fs::path& path, const Layout& layout, const Header& header,
                 std::uint64_t items) {
  constexpr std::uint64_t kStep = std::uint64_t{1} << 26;
  const std::uint64_t wanted = items * header.item;
  Bytes data;
  while (data.size() < wanted) {
    const std::size_t before = data.size();
    data.resize(std::size_t(std::min(wanted, before + kStep)));
    const std::size_t got = file.read(data.data() + before, data.size() - before);
    if (before + got < data.size()) {
      fail_size(path, layout, header, false, header.bytes + before + got);
    }
  }
  return data;
}

Bytes read(const fs::path& path, const Layout& layout, std::int64_t limit) {
  PackedFile file(path);
  const Header header = read_header(file, path, layout);
  const std::uint64_t items = std::min(header.count, std::uint64_t(limit));
  const std::uint64_t announced = file.announced_size();
  // A gzip file of several members announces only its last; reading all of it settles the matter.
  const bool settled = items < header.count && announced == (header.size() & 0xffffffffu);
  if (!file.is_packed() && announced != header.size()) {
    fail_size(path, layout, header, announced > header.size(), announced);
  }
  Bytes data = read_items(file, path, layout, header, settled ? items : header.count);
  std::uint8_t extra = 0;
  if (!settled && file.read(&extra, 1) != 0) {
    fail_size(path, layout, header, true, header.size() + 1);
  }
  if (!settled && file.stopped_short()) {
    throw Error(fmt::format("'{}' is truncated: its gzip stream lacks its end", path.string()), {},
                kFetchAgain);
  }
  data.resize(std::size_t(items * header.item));
  return data;
}

// MNIST's own name, or with the dot some mirrors write; gzipped or not; or in a folder of its name.
std::optional<fs::path> find(const fs::path& folder, const std::string& stem) {
  std::string dotted = stem;
  dotted[stem.find("-idx")] = '.';
  for (const std::string& name : {stem, stem + ".gz", dotted, dotted + ".gz"}) {
    for (const fs::path& path : {folder / name, folder / name / name}) {
      std::error_code ignored;
      if (fs::exists(path, ignored) && !fs::is_directory(path, ignored)) return path;
    }
  }
  return std::nullopt;
}

constexpr const char* kImageFile = "train-images-idx3-ubyte";
constexpr const char* kLabelFile = "train-labels-idx1-ubyte";

fs::path need(const fs::path& folder, const std::string& stem) {
  if (auto path = find(folder, stem)) return *path;
  std::error_code ignored;
  const char* got = !fs::exists(folder, ignored)         ? "there is no such folder"
                    : !fs::is_directory(folder, ignored) ? "it is no folder"
                                                         : "it has neither";
  throw Error(fmt::format("no training set in '{}': wanted {} or {}.gz, {}", folder.string(), stem,
                          stem, got),
              {}, "name a folder that holds MNIST, or use --data auto or --data synthetic");
}

}  // namespace

Bytes read_images(const fs::path& path, std::int64_t limit) { return read(path, kImages, limit); }

Bytes read_labels(const fs::path& path, std::int64_t limit) {
  Bytes labels = read(path, kLabels, limit);
  const auto bad = std::find_if(labels.begin(), labels.end(), [](int l) { return l >= kClasses; });
  if (bad != labels.end()) {
    throw Error(fmt::format("'{}' holds label {} for image {}: wanted 0 to {}", path.string(), *bad,
                            bad - labels.begin(), kClasses - 1),
                {}, kFetchAgain);
  }
  return labels;
}

bool holds_training_set(const fs::path& folder) {
  return find(folder, kImageFile) && find(folder, kLabelFile);
}

Digits read_training_set(const fs::path& folder, std::int64_t limit) {
  const fs::path images = need(folder, kImageFile), labels = need(folder, kLabelFile);
  PackedFile image_file(images), label_file(labels);
  const Header image_header = read_header(image_file, images, kImages);
  const Header label_header = read_header(label_file, labels, kLabels);
  if (image_header.count != label_header.count) {
    throw Error(
        fmt::format("images and labels do not match: '{}' announces {}, '{}' announces {}",
                    images.string(), image_header.count, labels.string(), label_header.count),
        {}, "put the two files of one set into the folder");
  }
  return {.pixels = read_images(images, limit), .labels = read_labels(labels, limit)};
}

}  // namespace nodec::digits
