// The object cache under faults: damaged and foreign entries, folders that cannot be written, and
// writers at the same time.
#include "runtime/cache.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

using namespace nodec;
namespace fs = std::filesystem;

namespace {

// A fresh folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "nodec-cache-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::permissions(path, fs::perms::owner_all, ignored);
    fs::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path path;
};

Artifact artifact(const std::string& object) {
  Artifact made;
  made.object = object;
  made.signature.entry = "f";
  made.signature.inputs = {{"x", Type::tensor(Dtype::F32, {Dim::symbol("B")})}};
  return made;
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

fs::path only_file(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& each : fs::directory_iterator(folder)) files.push_back(each.path());
  REQUIRE(files.size() == 1);
  return files.front();
}

const Hash key = hash("the program");

}  // namespace

TEST_CASE("an entry is found again, by its own key only, and leaves no other file") {
  const Folder folder;
  const ObjectCache cache(folder.path / "made" / "on demand");
  CHECK_FALSE(cache.find(key));
  CHECK(cache.store(key, artifact("bytes of an object")));
  const auto found = cache.find(key);
  REQUIRE(found);
  CHECK(found->object == "bytes of an object");
  CHECK(found->signature.inputs.at(0).type.str() == "f32[B]");
  CHECK_FALSE(cache.find(hash("another program")));
  only_file(cache.folder());
}

TEST_CASE("every truncation is refused and removed") {
  const Folder folder;
  const ObjectCache cache(folder.path);
  REQUIRE(cache.store(key, artifact("object")));
  const fs::path path = only_file(folder.path);
  const std::string sound = read(path);
  for (std::size_t length = 0; length < sound.size(); ++length) {
    write(path, sound.substr(0, length));
    CHECK_FALSE(cache.find(key));
    CHECK_FALSE(fs::exists(path));
  }
  write(path, sound + "x");
  CHECK_FALSE(cache.find(key));
  CHECK(cache.store(key, artifact("object")));
  CHECK(cache.find(key));
}

TEST_CASE("a folder in place of a file is no entry, and no failure") {
  const Folder folder;
  const ObjectCache cache(folder.path);
  const KeyFields fields{{"program", "graph"}};
  fs::create_directory(folder.path / (key_of(fields).str() + ".nodec"));
  fs::create_directory(folder.path / "yy.why");
  CHECK_FALSE(cache.find(key_of(fields)));
  CHECK_FALSE(cache.store(key_of(fields), artifact("object"), fields));
  CHECK(cache.records().empty());
}

TEST_CASE("every flipped bit is noticed") {
  const Folder folder;
  const ObjectCache cache(folder.path);
  REQUIRE(cache.store(key, artifact("object")));
  const fs::path path = only_file(folder.path);
  const std::string sound = read(path);
  for (std::size_t bit = 0; bit < sound.size() * 8; ++bit) {
    std::string damaged = sound;
    damaged[bit / 8] = char(damaged[bit / 8] ^ (1 << (bit % 8)));
    write(path, damaged);
    CHECK_FALSE(cache.find(key));
  }
}

TEST_CASE("an entry renamed to another key is not that program") {
  const Folder folder;
  const ObjectCache cache(folder.path);
  REQUIRE(cache.store(key, artifact("object")));
  const Hash other = hash("another program");
  fs::rename(only_file(folder.path), folder.path / (other.str() + ".nodec"));
  CHECK_FALSE(cache.find(other));
}

TEST_CASE("no folder, or one that cannot be written, means no cache and no complaint") {
  CHECK_FALSE(ObjectCache({}).store(key, artifact("object")));
  CHECK_FALSE(ObjectCache({}).find(key));
  const Folder folder;
  write(folder.path / "file", "not a folder");
  const ObjectCache blocked(folder.path / "file");
  CHECK_FALSE(blocked.store(key, artifact("object")));
  CHECK_FALSE(blocked.find(key));
  if (geteuid() == 0) return;  // nothing is read-only to root
  fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec);
  const ObjectCache read_only(folder.path);
  CHECK_FALSE(read_only.store(key, artifact("object")));
  CHECK_FALSE(read_only.find(key));
}

TEST_CASE("writers and readers at the same time see whole entries only") {
  const Folder folder;
  const ObjectCache cache(folder.path);
  std::atomic<bool> writing{true};
  std::atomic<int> torn{0}, found{0};
  const auto writer = [&](char letter) {
    for (int i = 0; i < 100; ++i) cache.store(key, artifact(std::string(20000, letter)));
  };
  std::thread reader([&] {
    while (writing) {
      const auto entry = cache.find(key);
      if (!entry) continue;
      ++found;
      if (entry->object != std::string(20000, entry->object[0])) ++torn;
    }
  });
  std::thread a(writer, 'a'), b(writer, 'b');
  a.join();
  b.join();
  writing = false;
  reader.join();
  CHECK(torn == 0);
  CHECK(cache.find(key));
  only_file(folder.path);
}

TEST_CASE("the folder comes from NODEC_CACHE_DIR, where empty means none") {
  const char* before = std::getenv("NODEC_CACHE_DIR");
  const std::string saved = before != nullptr ? before : "";
  setenv("NODEC_CACHE_DIR", "/somewhere", 1);
  CHECK(ObjectCache::from_environment().folder() == "/somewhere");
  setenv("NODEC_CACHE_DIR", "", 1);
  CHECK(ObjectCache::from_environment().folder().empty());
  unsetenv("NODEC_CACHE_DIR");
  setenv("XDG_CACHE_HOME", "/caches", 1);
  CHECK(ObjectCache::from_environment().folder() == "/caches/nodec");
  unsetenv("XDG_CACHE_HOME");
  if (before != nullptr) setenv("NODEC_CACHE_DIR", saved.c_str(), 1);
}

TEST_CASE("an entry's fields are kept beside it and make its key") {
  const Folder folder;
  const ObjectCache cache(folder.path);
  const KeyFields fields{{"program", "graph f\n %0 = x\n"}, {"lanes", "16"}, {"empty", ""}};
  CHECK(key_of(fields) == key_of(fields));
  CHECK(key_of(fields) !=
        key_of({{"program", "graph f\n %0 = x\n"}, {"lanes", "8"}, {"empty", ""}}));
  CHECK(key_of({{"a", "1"}, {"b", ""}}) != key_of({{"a", "1\nb 0\n"}}));
  REQUIRE(cache.store(key_of(fields), artifact("code"), fields));
  CHECK(cache.find(key_of(fields)).has_value());
  const auto records = cache.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].key == key_of(fields));
  CHECK(records[0].fields == fields);
  CHECK(records[0].bytes > 0);
}

TEST_CASE("records that are damaged, foreign or without their entry are left out") {
  const Folder folder;
  const ObjectCache cache(folder.path);
  const KeyFields fields{{"program", "p"}}, other{{"program", "q"}};
  REQUIRE(cache.store(key_of(fields), artifact("code"), fields));
  REQUIRE(cache.store(key_of(other), artifact("code"), other));
  CHECK(cache.records().size() == 2);
  const fs::path why = folder.path / (key_of(fields).str() + ".why");
  const std::string whole = read(why);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = char(damaged[i] ^ 4);
    write(why, damaged);
    CHECK(cache.records().size() == 1);
    write(why, whole.substr(0, i));
    CHECK(cache.records().size() == 1);
  }
  write(why, whole);
  CHECK(cache.records().size() == 2);
  fs::remove(folder.path / (key_of(fields).str() + ".nodec"));
  CHECK(cache.records().size() == 1);
  write(folder.path / "notes.why", "none of ours");
  CHECK(cache.records().size() == 1);
  CHECK(ObjectCache("").records().empty());
  CHECK(ObjectCache(folder.path / "nowhere").records().empty());
}
