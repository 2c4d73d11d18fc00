// Where the digits come from: a folder with MNIST's files, the built-in synthetic ones, or the best
// of these that can be had.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "examples/digits/idx.h"

namespace nodec::digits {

struct Dataset {
  Digits digits;
  std::string source;  // "60000 MNIST images from 'folder'"
};

struct RemoteFile {
  std::string name;
  std::string sha256;
};

// Where `auto` looks, in this order.
struct Places {
  std::optional<std::filesystem::path> chosen;  // $NODEC_MNIST_DIR; damage there is an error
  std::optional<std::filesystem::path> cache;   // the user's cache folder
  std::vector<std::string> mirrors;             // tried in order, each with all files
  std::vector<RemoteFile> files;

  static Places standard();
};

// Receives one line for each thing that was tried and did not work.
using Say = std::function<void(const std::string&)>;

// `from` is "auto", "synthetic" or a folder; kAll takes what there is. Asking for more images than
// a folder holds is an Error.
Dataset load_dataset(const std::string& from, std::int64_t limit, const Places& places,
                     const Say& say);

// Downloads what is missing into `folder`; false when no mirror gave files with these checksums. A
// file appears under its name only when it is whole.
bool download(const std::filesystem::path& folder, const Places& places, const Say& say);

}  // namespace nodec::digits
