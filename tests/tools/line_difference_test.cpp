// The edits between two texts: fewest, and in the right places.
#include "tools/nodec/line_difference.h"

#include <doctest/doctest.h>

#include <random>

using namespace nodec;

namespace {

using Lines = std::vector<std::string>;

// One text made into the other by what the hunks say.
Lines patched(const Lines& here, const Lines& there, const std::vector<Hunk>& hunks) {
  Lines made;
  std::size_t at = 0;
  for (const Hunk& hunk : hunks) {
    made.insert(made.end(), here.begin() + at, here.begin() + hunk.here);
    made.insert(made.end(), there.begin() + hunk.there,
                there.begin() + hunk.there + hunk.there_count);
    at = hunk.here + hunk.here_count;
  }
  made.insert(made.end(), here.begin() + at, here.end());
  return made;
}

}  // namespace

TEST_CASE("far apart changes are hunks of their own") {
  const Lines here = {"a", "b", "c", "d", "e"}, there = {"x", "b", "c", "e", "f"};
  const auto hunks = line_difference(here, there);
  REQUIRE(hunks.size() == 3);
  CHECK(line_count(hunks) == 3);
  CHECK(hunks[1].here == 3);
  CHECK(hunks[1].here_count == 1);
  CHECK(hunks[1].there == 3);
  CHECK(hunks[1].there_count == 0);
  CHECK(patched(here, there, hunks) == there);
  CHECK(line_difference(here, here).empty());
  CHECK(line_difference({}, {}).empty());
  CHECK(line_count(line_difference({}, there)) == 5);
}

TEST_CASE("what the hunks say makes one text the other") {
  std::mt19937 random(7);
  for (int trial = 0; trial < 300; ++trial) {
    Lines here, there;
    for (unsigned i = random() % 12; i > 0; --i) here.push_back(std::to_string(random() % 3));
    for (unsigned i = random() % 12; i > 0; --i) there.push_back(std::to_string(random() % 3));
    CHECK(patched(here, there, line_difference(here, there)) == there);
  }
}

TEST_CASE("texts with nothing in common are one hunk, however long") {
  const Lines here(3000, "a"), there(2000, "b");
  const auto hunks = line_difference(here, there);
  REQUIRE(hunks.size() == 1);
  CHECK(hunks[0].lines() == 3000);
}

TEST_CASE("numbers of values count only where nothing else differs") {
  const Lines here = {"%0 = sin %x", "%1 = cos %0", "%2 = exp %1", "yield %2"};
  const Lines there = {"%0 = sin %x", "%1 = exp %0", "yield %1"};
  CHECK(line_count(program_difference(here, there)) == 1);
  const Lines swapped = {"%0 = sin %x", "%1 = cos %0", "%2 = exp %1", "yield %0"};
  const auto hunks = program_difference(here, swapped);
  REQUIRE(hunks.size() == 1);
  CHECK(hunks[0].here == 3);
}
