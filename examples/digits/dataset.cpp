// Choosing, and if need be fetching, the training set. A download runs the system's curl, since a
// TLS stack is not this example's business; every file is checked against the published SHA-256
// before it takes its name.
#include "examples/digits/dataset.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "compiler/nodec.h"
#include "examples/digits/sha256.h"
#include "examples/digits/synthetic.h"

namespace nodec::digits {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> environment_path(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

std::optional<fs::path> user_cache() {
  if (auto folder = environment_path("XDG_CACHE_HOME")) return *folder / "nodec" / "mnist";
  if (auto home = environment_path("HOME")) return *home / ".cache" / "nodec" / "mnist";
  return std::nullopt;
}

// Runs curl; its own words are discarded, its exit status is the answer (127: there is no curl).
int run_curl(const std::string& url, const fs::path& to) {
  std::vector<std::string> words = {
      "curl", "--fail",   "--silent",  "--location", "--connect-timeout", "5", "--max-time",
      "300",  "--output", to.string(), url};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, "curl", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return 127;
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 1;
  return WEXITSTATUS(status);
}

bool fetch(const std::string& mirror, const RemoteFile& file, const fs::path& folder,
           const Say& say) {
  const fs::path part = folder / fmt::format(".{}.{}.part", file.name, getpid());
  std::error_code ignored;
  const int status = run_curl(mirror + file.name, part);
  std::string trouble;
  if (status == 127) {
    trouble = "there is no curl on this machine";
  } else if (status != 0) {
    trouble = fmt::format("curl ended with status {}", status);
  } else if (const std::string got = sha256_of_file(part); got != file.sha256) {
    trouble = fmt::format("wanted SHA-256 {}, got {}", file.sha256, got);
  } else {
    std::error_code code;
    fs::rename(part, folder / file.name, code);
    if (!code) return true;
    trouble = code.message();
  }
  fs::remove(part, ignored);
  say(fmt::format("no {} from {}: {}", file.name, mirror, trouble));
  return false;
}

bool fetch_all(const std::string& mirror, const fs::path& folder, const Places& places,
               const Say& say) {
  for (const RemoteFile& file : places.files) {
    std::error_code ignored;
    if (fs::is_regular_file(folder / file.name, ignored) &&
        sha256_of_file(folder / file.name) == file.sha256) {
      continue;
    }
    if (!fetch(mirror, file, folder, say)) return false;
  }
  return true;
}

Dataset from_folder(const fs::path& folder, std::int64_t limit) {
  Dataset set{.digits = read_training_set(folder, limit), .source = {}};
  const std::int64_t count = set.digits.count();
  if (limit != kAll && count < limit) {
    throw Error(
        fmt::format("wanted the first {} images, '{}' holds {}", limit, folder.string(), count), {},
        fmt::format("leave --limit out, or give at most {}", count));
  }
  set.source = fmt::format("{} MNIST images from '{}'", count, folder.string());
  return set;
}

Dataset from_strokes(std::int64_t limit) {
  const std::int64_t count = limit == kAll ? kSyntheticCount : limit;
  return {.digits = synthetic_digits(count), .source = fmt::format("{} synthetic digits", count)};
}

Dataset from_anywhere(std::int64_t limit, const Places& places, const Say& say) {
  if (places.chosen) return from_folder(*places.chosen, limit);
  if (places.cache && holds_training_set(*places.cache)) {
    try {
      return from_folder(*places.cache, limit);
    } catch (const Error& error) {
      say(error.message());
    }
  }
  if (places.cache && download(*places.cache, places, say)) {
    return from_folder(*places.cache, limit);
  }
  say("no MNIST to be had, so digits are drawn instead; --data FOLDER names files of your own");
  return from_strokes(limit);
}

}  // namespace

Places Places::standard() {
  return {
      .chosen = environment_path("NODEC_MNIST_DIR"),
      .cache = user_cache(),
      .mirrors = {"https://ossci-datasets.s3.amazonaws.com/mnist/",
                  "https://storage.googleapis.com/cvdf-datasets/mnist/"},
      .files = {{"train-images-idx3-ubyte.gz",
                 "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
                {"train-labels-idx1-ubyte.gz",
                 "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"}},
  };
}

bool download(const fs::path& folder, const Places& places, const Say& say) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code || access(folder.c_str(), W_OK) != 0) {
    say(fmt::format("cannot keep a download in '{}'", folder.string()));
    return false;
  }
  for (const std::string& mirror : places.mirrors) {
    if (fetch_all(mirror, folder, places, say)) return true;
  }
  return false;
}

Dataset load_dataset(const std::string& from, std::int64_t limit, const Places& places,
                     const Say& say) {
  if (from == "auto") return from_anywhere(limit, places, say);
  if (from == "synthetic") return from_strokes(limit);
  return from_folder(from, limit);
}

}  // namespace nodec::digits
