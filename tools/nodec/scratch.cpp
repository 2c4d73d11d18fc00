// Names that nobody else has, from the system.
#include "tools/nodec/scratch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "ir/error.h"

namespace nodec {
namespace {

namespace fs = std::filesystem;

fs::path temporary_folder() {
  std::error_code failed;
  const fs::path folder = fs::temp_directory_path(failed);
  if (!failed) return folder;
  const char* named = std::getenv("TMPDIR");
  return named != nullptr ? named : "/tmp";
}

[[noreturn]] void cannot_make(const char* what) {
  const int why = errno;
  throw Error(fmt::format("cannot make a temporary {} in '{}': {}", what,
                          temporary_folder().string(), std::generic_category().message(why)),
              {}, "let TMPDIR name a folder that can be written and has room");
}

}  // namespace

ScratchFile::ScratchFile() : path_((temporary_folder() / "nodec-XXXXXX").string()) {
  const int handle = mkstemp(path_.data());
  if (handle < 0) cannot_make("file");
  close(handle);
}

ScratchFile::~ScratchFile() {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

ScratchFolder::ScratchFolder() : path_((temporary_folder() / "nodec-XXXXXX").string()) {
  if (mkdtemp(path_.data()) == nullptr) cannot_make("folder");
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace nodec
