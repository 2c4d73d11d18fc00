// The object cache under faults: damaged and foreign entries, folders that cannot be written, and
// writers at the same time.
#include "runtime/cache.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tests/temporary_folder.h"

using namespace nodec;
namespace fs = std::filesystem;

namespace {

Artifact artifact(const std::string& object) {
  Artifact made;
  made.object = object;
  made.signature.entry = "f";
  made.signature.inputs = {{"x", Type::tensor(Dtype::F32, {Dim::symbol("B")})}};
  return made;
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

// Of the entries that a glance finds, those whose file is whole.
std::size_t told(const ObjectCache& cache) {
  const auto all = cache.glances();
  return std::size_t(std::ranges::count_if(
      all, [&](const CacheGlance& glance) { return cache.fields(glance.key).has_value(); }));
}

const Hash key = hash("the program");

}  // namespace

TEST_CASE("an entry is found again, by its own key only, and leaves no other file") {
  const TemporaryFolder folder;
  const ObjectCache cache(folder.path() / "made" / "on demand");
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
  const TemporaryFolder folder;
  const ObjectCache cache(folder.path());
  REQUIRE(cache.store(key, artifact("object")));
  const fs::path path = only_file(folder.path());
  const std::string sound = read_file(path);
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
  const TemporaryFolder folder;
  const ObjectCache cache(folder.path());
  const KeyFields fields{{"program", "graph"}};
  fs::create_directory(folder.path() / (key_of(fields).str() + ".nodec"));
  fs::create_directory(folder.path() / "yy.why");
  CHECK_FALSE(cache.find(key_of(fields)));
  CHECK_FALSE(cache.store(key_of(fields), artifact("object"), fields));
  CHECK(cache.glances().empty());
}

TEST_CASE("every flipped bit is noticed") {
  const TemporaryFolder folder;
  const ObjectCache cache(folder.path());
  REQUIRE(cache.store(key, artifact("object")));
  const fs::path path = only_file(folder.path());
  const std::string sound = read_file(path);
  for (std::size_t bit = 0; bit < sound.size() * 8; ++bit) {
    std::string damaged = sound;
    damaged[bit / 8] = char(damaged[bit / 8] ^ (1 << (bit % 8)));
    write(path, damaged);
    CHECK_FALSE(cache.find(key));
  }
}

TEST_CASE("an entry renamed to another key is not that program") {
  const TemporaryFolder folder;
  const ObjectCache cache(folder.path());
  REQUIRE(cache.store(key, artifact("object")));
  const Hash other = hash("another program");
  fs::rename(only_file(folder.path()), folder.path() / (other.str() + ".nodec"));
  CHECK_FALSE(cache.find(other));
}

TEST_CASE("no folder, or one that cannot be written, means no cache and no complaint") {
  CHECK_FALSE(ObjectCache({}).store(key, artifact("object")));
  CHECK_FALSE(ObjectCache({}).find(key));
  const TemporaryFolder folder;
  write(folder.path() / "file", "not a folder");
  const ObjectCache blocked(folder.path() / "file");
  CHECK_FALSE(blocked.store(key, artifact("object")));
  CHECK_FALSE(blocked.find(key));
  if (geteuid() == 0) return;  // nothing is read-only to root
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const ObjectCache read_only(folder.path());
  CHECK_FALSE(read_only.store(key, artifact("object")));
  CHECK_FALSE(read_only.find(key));
}

TEST_CASE("writers and readers at the same time see whole entries only") {
  const TemporaryFolder folder;
  const ObjectCache cache(folder.path());
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
  only_file(folder.path());
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
  const TemporaryFolder folder;
  const ObjectCache cache(folder.path());
  const KeyFields fields{{"program", "graph f\n %0 = x\n"}, {"lanes", "16"}, {"empty", ""}};
  CHECK(key_of(fields) == key_of(fields));
  CHECK(key_of(fields) !=
        key_of({{"program", "graph f\n %0 = x\n"}, {"lanes", "8"}, {"empty", ""}}));
  CHECK(key_of({{"a", "1"}, {"b", ""}}) != key_of({{"a", "1\nb 0\n"}}));
  REQUIRE(cache.store(key_of(fields), artifact("code"), fields));
  CHECK(cache.find(key_of(fields)).has_value());
  const auto glances = cache.glances();
  REQUIRE(glances.size() == 1);
  CHECK(glances[0].key == key_of(fields));
  CHECK(glances[0].fields == fields);
  CHECK(cache.fields(key_of(fields)) == fields);
  CHECK(cache.bytes(key_of(fields)) > 0);
}

TEST_CASE("records that are damaged, foreign or without their entry are left out") {
  const TemporaryFolder folder;
  const ObjectCache cache(folder.path());
  const KeyFields fields{{"program", "p"}}, other{{"program", "q"}};
  REQUIRE(cache.store(key_of(fields), artifact("code"), fields));
  REQUIRE(cache.store(key_of(other), artifact("code"), other));
  CHECK(told(cache) == 2);
  const fs::path why = folder.path() / (key_of(fields).str() + ".why");
  const std::string whole = read_file(why);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = char(damaged[i] ^ 4);
    write(why, damaged);
    CHECK(told(cache) == 1);
    write(why, whole.substr(0, i));
    CHECK(told(cache) == 1);
  }
  write(why, whole);
  CHECK(told(cache) == 2);
  fs::remove(folder.path() / (key_of(fields).str() + ".nodec"));
  CHECK(told(cache) == 1);
  write(folder.path() / "notes.why", "none of ours");
  CHECK(told(cache) == 1);
  CHECK(ObjectCache("").glances().empty());
  CHECK(ObjectCache(folder.path() / "nowhere").glances().empty());
}

TEST_CASE("a glance cuts long values and counts them whole") {
  const TemporaryFolder folder;
  const ObjectCache cache(folder.path());
  for (const std::size_t size : {0, 1, 199, 200, 201, 900, 1023, 1024, 5000}) {
    const KeyFields fields{
        {"program", std::string(size, 'p')}, {"long", std::string(size * 3, 'q')}, {"lanes", "16"}};
    REQUIRE(cache.store(key_of(fields), artifact("code"), fields));
    const auto all = cache.glances();
    const auto found = std::ranges::find(all, key_of(fields), &CacheGlance::key);
    REQUIRE(found != all.end());
    CHECK(found->sizes == std::vector<std::size_t>{size, size * 3, 2});
    CHECK(found->fields[0].second == std::string(std::min(size, CacheGlance::kMost), 'p'));
    CHECK(found->fields[2] == fields[2]);
  }
}

TEST_CASE("what is no plain file in place of an entry is left alone, and nothing waits for it") {
  const TemporaryFolder folder;
  const ObjectCache cache(folder.path());
  const KeyFields fields{{"program", "graph"}};
  const Hash own = key_of(fields);
  const fs::path place = folder.path() / (own.str() + ".nodec"),
                 why = place.stem().string() + ".why";
  const auto check = [&] {
    CHECK_FALSE(cache.find(own));
    CHECK_FALSE(cache.store(own, artifact("object"), fields));
    CHECK(cache.glances().empty());
  };
  REQUIRE(mkfifo(place.c_str(), 0600) == 0);
  REQUIRE(mkfifo((folder.path() / why).c_str(), 0600) == 0);
  check();
  CHECK(fs::is_fifo(place));
  fs::remove(place);
  fs::create_symlink("/dev/zero", place);
  check();
  CHECK(fs::is_symlink(place));
  fs::remove(place);
  fs::create_symlink(folder.path() / "elsewhere", place);
  check();
  CHECK_FALSE(fs::exists(folder.path() / "elsewhere"));
  fs::remove(place);
  write(place, "");
  fs::resize_file(place, std::uintmax_t{1} << 40);  // holds nothing, and claims a terabyte
  CHECK_FALSE(cache.find(own));
}

TEST_CASE("a cache takes no more than its limit, and what was used least recently goes") {
  const TemporaryFolder folder;
  const std::string object(10000, 'o');
  const ObjectCache cache(folder.path(), 35000);
  const auto age = [&](const Hash& of, int minutes) {
    const timespec times[] = {{std::time(nullptr) - 60 * minutes, 0}, {0, UTIME_OMIT}};
    const fs::path path = folder.path() / (of.str() + ".nodec");
    REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  };
  const KeyFields a{{"program", "a"}}, b{{"program", "b"}}, c{{"program", "c"}};
  int minutes = 9;
  for (const KeyFields& fields : {a, b, c}) {
    REQUIRE(cache.store(key_of(fields), artifact(object), fields));
    age(key_of(fields), minutes--);
  }
  CHECK(cache.find(key_of(a)));  // used now
  write(folder.path() / "notes.txt", std::string(100000, 'x'));
  const KeyFields d{{"program", "d"}};
  REQUIRE(cache.store(key_of(d), artifact(object), d));
  CHECK(cache.find(key_of(a)));
  CHECK_FALSE(cache.find(key_of(b)));
  CHECK(cache.find(key_of(c)));
  CHECK(cache.find(key_of(d)));
  CHECK_FALSE(fs::exists(folder.path() / (key_of(b).str() + ".why")));
  CHECK(fs::exists(folder.path() / "notes.txt"));
  CHECK_FALSE(cache.store(key, artifact(std::string(40000, 'x'))));
  CHECK_FALSE(ObjectCache(folder.path(), 0).store(key, artifact("x")));
}

TEST_CASE("files that were left unfinished go, those of others stay") {
  const TemporaryFolder folder;
  const std::string name = "." + key.str() + ".nodec.123.0.part";
  const fs::path old = folder.path() / name, young = folder.path() / (name + ".1.part");
  const fs::path other = folder.path() / ".letter.part";
  for (const fs::path& path : {old, young, other}) {
    write(path, "x");
    if (path != young) {
      fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(2));
    }
  }
  REQUIRE(ObjectCache(folder.path()).store(key, artifact("object")));
  CHECK_FALSE(fs::exists(old));
  CHECK(fs::exists(young));
  CHECK(fs::exists(other));
}

TEST_CASE("the limit comes from NODEC_CACHE_LIMIT") {
  const auto limit = [](const char* text) {
    setenv("NODEC_CACHE_LIMIT", text, 1);
    const std::uint64_t bytes = cache_limit_from_environment();
    unsetenv("NODEC_CACHE_LIMIT");
    return bytes;
  };
  CHECK(cache_limit_from_environment() == std::uint64_t{1} << 30);
  CHECK(limit("") == std::uint64_t{1} << 30);
  CHECK(limit("0") == 0);
  CHECK(limit("12345") == 12345);
  CHECK(limit("500M") == 500 << 20);
  CHECK(limit("3k") == 3 << 10);
  CHECK(limit("2GiB") == std::uint64_t{2} << 30);
  CHECK(limit("2GB") == std::uint64_t{2} << 30);
  for (const char* text : {"much", "-1", "1.5G", "1X", "G", "99999999999T", "1 G"}) {
    INFO(text);
    CHECK_THROWS_AS(limit(text), Error);
  }
  unsetenv("NODEC_CACHE_LIMIT");
}

TEST_CASE("a folder that the cache makes is its owner's alone; one that is there keeps its mode") {
  const TemporaryFolder folder;
  const mode_t before = umask(0);
  for (const char* name : {"made/new", "made/slash/"}) {
    CHECK(ObjectCache(folder.path() / name).store(key, artifact("object")));
    CHECK(fs::status(folder.path() / name).permissions() == fs::perms::owner_all);
  }
  fs::create_directory(folder.path() / "open");
  CHECK(ObjectCache(folder.path() / "open").store(key, artifact("object")));
  CHECK(fs::status(folder.path() / "open").permissions() == fs::perms::all);
  umask(before);
}

TEST_CASE("a folder that cannot be used says why") {
  const TemporaryFolder folder;
  CHECK(ObjectCache(folder.path() / "made" / "on demand").trouble().empty());
  CHECK(fs::is_empty(folder.path() / "made" / "on demand"));
  write(folder.path() / "file", "not a folder");
  CHECK(ObjectCache(folder.path() / "file").trouble() == "Not a directory");
  CHECK(ObjectCache(folder.path() / "file" / "below").trouble() == "Not a directory");
}
