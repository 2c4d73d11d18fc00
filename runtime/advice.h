// What the counts of a run advise: its results stand, but not as they were meant to.
#pragma once

#include <string>
#include <vector>

#include "ir/abi.h"

namespace nodec {

// Hears outcomes of one process, and gives each kind of advice once.
class Advice {
 public:
  // The lines not given yet, each with what to do.
  std::vector<std::string> hear(const Outcome& outcome);

 private:
  bool told_[2][3] = {};  // forward and reverse; below atol, rejecting, stiff
};

}  // namespace nodec
