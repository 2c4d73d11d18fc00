// Where files of a moment lie.
#include "runtime/command.h"

#include <doctest/doctest.h>

#include <cstdio>

#include "tests/runtime/doubling.h"
#include "tests/setting.h"

using namespace nodec;
using namespace nodec::testing;

TEST_CASE("a folder of work is where TMPDIR says, else where the system has such files") {
  {
    const Setting nothing("TMPDIR", "");
    const WorkFolder folder;
    CHECK((folder / "file").parent_path().parent_path() == P_tmpdir);
  }
  const Setting nowhere("TMPDIR", "/nowhere/at/all");
  CHECK(message([] { const WorkFolder folder; }) ==
        "error: cannot make a temporary folder in '/nowhere/at/all': No such file or directory\n"
        "  help: let TMPDIR name a folder that can be written and has room");
}
