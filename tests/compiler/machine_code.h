// For tests that look at how a compile is refused: left out where every compile for the processor
// is, which main.cpp sees by the words.
#pragma once

#include <algorithm>

#include "compiler/back_end.h"
#include "ir/error.h"

namespace nodec::testing {

inline void require_machine_code() {
  const auto all = back_ends();
  const bool some =
      std::any_of(all.begin(), all.end(), [](const BackEnd* each) { return each->serves({}); });
  if (!some) throw Error("this build of nodec makes no code for the processor");
}

}  // namespace nodec::testing
