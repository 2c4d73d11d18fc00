// Where files of a moment lie.
#include "runtime/command.h"

#include <doctest/doctest.h>

#include "ir/error.h"
#include "tests/setting.h"

using namespace nodec;

TEST_CASE("a folder of work is where TMPDIR says, else in /tmp") {
  {
    const testing::Setting nothing("TMPDIR", "");
    const WorkFolder folder;
    CHECK((folder / "file").string().starts_with("/tmp/nodec-"));
  }
  const testing::Setting nowhere("TMPDIR", "/nowhere/at/all");
  std::string told;
  try {
    const WorkFolder folder;
  } catch (const Error& error) {
    told = error.what();
  }
  CHECK(told ==
        "error: no folder can be made in /nowhere/at/all: No such file or directory\n"
        "  help: make room there, or name another folder in TMPDIR");
}
