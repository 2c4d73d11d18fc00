// The table of run-time outcomes.
#include "ir/status.h"

#include <doctest/doctest.h>

using namespace nodec;

TEST_CASE("every status has a name and a sentence, every failure a remedy") {
  int known = 0;
#define NODEC_STATUS(code, name_, sentence_, remedy_) \
  CHECK(int(Status::name_) == known++);               \
  CHECK(name(Status::name_) == #name_);               \
  CHECK_FALSE(sentence(Status::name_).empty());       \
  CHECK(remedy(Status::name_).empty() == (code == 0));
#include "ir/status.def"
#undef NODEC_STATUS
  CHECK(name(Status(12345)) == "Unknown");
  CHECK_FALSE(remedy(Status(12345)).empty());
}
