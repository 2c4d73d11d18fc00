// Suggestions for mistyped names.
#include "ir/nearest.h"

#include <doctest/doctest.h>

using namespace nodec;

TEST_CASE("distance counts insertions, deletions, replacements and swaps of neighbours") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("expand", "expand") == 0);
  CHECK(edit_distance("expnad", "expand") == 1);
  CHECK(edit_distance("dump", "jump") == 1);
  CHECK(edit_distance("type", "types") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("near names are suggested, nearest first, and far ones are not") {
  const std::vector<std::string> verbs{"list", "types", "dump", "run", "bench"};
  CHECK(nearest("tpyes", verbs) == std::vector<std::string>{"types"});
  CHECK(nearest("dance", verbs).empty());
  CHECK(nearest("", verbs).empty());
  CHECK(nearest("layer", {"mnist/layer", "mnist/compact"}) ==
        std::vector<std::string>{"mnist/layer"});
  CHECK(suggestion("lits", verbs, "none") == "did you mean 'list'?");
  CHECK(suggestion("aab", {"aaa", "aac", "aad", "aae"}, "none") ==
        "did you mean 'aaa', 'aac' or 'aad'?");
  CHECK(suggestion("zzz", verbs, "none") == "none");
  CHECK(suggestion_or_all("lits", verbs, "verbs are") == "did you mean 'list'?");
  CHECK(suggestion_or_all("zzz", {"run", "dump"}, "verbs are") == "verbs are run, dump");
  CHECK(nearest("z", {"x", "y"}).empty());
  CHECK(nearest("z", {"x", "z2"}) == std::vector<std::string>{"z2"});
  CHECK(nearest(std::string(100000, 'x'), verbs).empty());
}
