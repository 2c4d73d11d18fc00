// Files are published whole or not at all; links, pipes and devices stay what they are.
#include "runtime/publish.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tests/temporary_folder.h"

using namespace nodec;

namespace {

namespace fs = std::filesystem;

std::ptrdiff_t entries(const TemporaryFolder& place) {
  return std::distance(fs::directory_iterator(place.path()), {});
}

mode_t mode(const fs::path& path) {
  struct stat status;
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("a file keeps its mode and is all there is") {
  const TemporaryFolder place;
  const fs::path file = place.file("file", "older and longer");
  fs::permissions(file, fs::perms(0640));
  CHECK(why_unwritable(file) == "");
  CHECK(publish(file, {"one ", "two"}) == "");
  CHECK(read_file(place / "file") == "one two");
  CHECK(mode(file) == 0640);
  CHECK(publish(place / "new", {}) == "");
  CHECK(entries(place) == 2);
}

TEST_CASE("what a killed writer left goes at a later process's first write") {
  const TemporaryFolder place;
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  int status = 0;
  waitpid(gone, &status, 0);
  const auto left = [&](const std::string& name, bool old) {
    const fs::path file = place.file(name, "half");
    if (old) fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::minutes(2));
    return file;
  };
  const std::string id = std::to_string(gone);
  const fs::path swept = left(".c." + id + ".3.part", true);
  const fs::path kept[] = {left(".c." + id + ".4.part", false), left(".d." + id + ".3.part", true),
                           left(".c." + std::to_string(getppid()) + ".3.part", true),
                           left(".c.9." + id + ".3.part", true), left(".c." + id + ".3", true)};
  CHECK(publish(place / "c", {"whole"}) == "");
  CHECK_FALSE(fs::exists(swept));
  for (const fs::path& file : kept) CHECK_MESSAGE(fs::exists(file), file);
}

TEST_CASE("a name as long as names can be is no trouble") {
  const TemporaryFolder place;
  CHECK(publish(place / std::string(255, 'n'), {"x"}) == "");
  CHECK(publish(place / std::string(256, 'n'), {"x"}) == "File name too long");
  CHECK(entries(place) == 1);
}

TEST_CASE("whoever reads a file that several write finds a whole one") {
  const TemporaryFolder place;
  const std::string whole(100000, 'a');
  const fs::path file = place.file("file", whole);
  std::atomic<int> writing = 4;
  std::atomic<bool> written = true;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, letter = char('b' + i)] {
      const std::string text(whole.size(), letter);
      for (int turn = 0; turn < 400; ++turn) {
        if (!publish(file, {text}).empty()) written = false;
      }
      --writing;
    });
  }
  int torn = 0;
  while (writing > 0) {
    const std::string text = read_file(file);
    torn += text.size() != whole.size() || text != std::string(whole.size(), text[0]);
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(written);
  CHECK(torn == 0);
  CHECK(entries(place) == 1);
}

TEST_CASE("links are followed, whether or not they lead to a file") {
  const TemporaryFolder place;
  place.file("file", "older");
  fs::create_symlink("file", place / "link");
  fs::create_symlink("link", place / "second");
  CHECK(publish(place / "second", {"new"}) == "");
  CHECK(fs::is_symlink(place / "second"));
  CHECK(fs::is_symlink(place / "link"));
  CHECK(read_file(place / "file") == "new");
  fs::create_symlink("absent", place / "dangling");
  CHECK(why_unwritable(place / "dangling") == "");
  CHECK(publish(place / "dangling", {"made"}) == "");
  CHECK(fs::is_symlink(place / "dangling"));
  CHECK(read_file(place / "absent") == "made");
  fs::create_symlink("none/file", place / "astray");
  CHECK(publish(place / "astray", {"x"}) == "No such file or directory");
  fs::create_symlink("circle", place / "circle");
  CHECK(publish(place / "circle", {"x"}) == "Too many levels of symbolic links");
  CHECK(entries(place) == 7);
}

TEST_CASE("a file of two names stays one file") {
  const TemporaryFolder place;
  place.file("file", "older and longer");
  fs::create_hard_link(place / "file", place / "other");
  CHECK(publish(place / "file", {"new"}) == "");
  CHECK(read_file(place / "other") == "new");
  CHECK(fs::hard_link_count(place / "file") == 2);
  CHECK(entries(place) == 2);
}

TEST_CASE("two places are one file by any of its names, there or to be made") {
  const TemporaryFolder place;
  place.file("file", "x");
  place.file("another", "x");
  fs::create_directory(place / "folder");
  fs::create_hard_link(place / "file", place / "name");
  fs::create_symlink("file", place / "link");
  fs::create_symlink("absent", place / "dangling");
  CHECK(is_one_file(place / "file", place / "folder/../file"));
  CHECK(is_one_file(place / "file", place / "name"));
  CHECK(is_one_file(place / "link", place / "name"));
  CHECK(is_one_file(place / "dangling", place / "folder/../absent"));
  CHECK(is_one_file("to be made", "./to be made"));
  CHECK_FALSE(is_one_file("", ""));
  CHECK_FALSE(is_one_file(place / "file", place / "another"));
  CHECK_FALSE(is_one_file(place / "absent", place / "file"));
  CHECK_FALSE(is_one_file(place / "absent", place / "folder/absent"));
  CHECK_FALSE(is_one_file("/dev/null", "/dev/null"));
}

TEST_CASE("a pipe is written to where somebody reads, and never replaced") {
  const TemporaryFolder place;
  const fs::path pipe = place / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(publish(pipe, {"x"}) == "nobody reads this pipe");
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  CHECK(publish(pipe, {"ab", "c"}) == "");
  char got[8] = {};
  CHECK(read(reader, got, sizeof got) == 3);
  CHECK(std::string(got) == "abc");
  close(reader);
  CHECK(fs::is_fifo(pipe));
  CHECK(entries(place) == 1);
}

TEST_CASE("a reader that goes away is an error, not the end of the process") {
  const TemporaryFolder place;
  const fs::path pipe = place / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  std::string trouble;
  const std::string bytes(1 << 20, 'x');  // more than a pipe holds
  std::thread writer([&] { trouble = publish(pipe, {bytes}); });
  char first = 0;
  while (read(reader, &first, 1) != 1) std::this_thread::yield();
  close(reader);
  writer.join();
  CHECK(trouble == "Broken pipe");
}

TEST_CASE("devices stay devices") {
  const TemporaryFolder place;
  fs::create_symlink("/dev/null", place / "null");
  fs::create_symlink("/dev/full", place / "full");
  CHECK(publish(place / "null", {"x"}) == "");
  CHECK(publish(place / "full", {"x"}) == "No space left on device");
  CHECK(fs::is_character_file("/dev/null"));
  CHECK(fs::is_symlink(place / "null"));
  const fs::path own = place / "own";
  if (mknod(own.c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) {  // root's only
    CHECK(why_unwritable(own) == "");
    const std::string where_devices_work = publish(own, {"x"});
    INFO(where_devices_work);
    CHECK(fs::is_character_file(own));
  }
  const fs::path disk = place / "disk";
  if (mknod(disk.c_str(), S_IFBLK | 0600, makedev(240, 0)) == 0) {
    CHECK(publish(disk, {"x"}) == "it is a block device");
    CHECK(fs::is_block_file(disk));
  }
}

TEST_CASE("what cannot be written says why, beforehand too, and leaves nothing") {
  const TemporaryFolder place;
  CHECK(why_unwritable("") == "no file is named");
  CHECK(why_unwritable(place / "none/file") == "No such file or directory");
  CHECK(why_unwritable(place / ".") == "Is a directory");
  CHECK(publish(place / ".", {"x"}) == "Is a directory");
  CHECK(publish_entry(place / "none/file", {"x"}) == "No such file or directory");
  CHECK(entries(place) == 0);
}

TEST_CASE("a limit of file size is an error, and the older file stays") {
  const TemporaryFolder place;
  place.file("file", "older");
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string bytes(10000, 'x');
  const std::string whole = publish(place / "file", {bytes});
  const std::string entry = publish_entry(place / "entry", {bytes});
  fs::create_hard_link(place / "file", place / "other");
  const std::string twice = publish(place / "other", {bytes});
  setrlimit(RLIMIT_FSIZE, &before);
  CHECK(whole == "File too large");
  CHECK(entry == "File too large");
  CHECK(twice == "File too large");
  CHECK(read_file(place / "file") == "older");
  CHECK(entries(place) == 2);
}
