// The edit that mends a finding.
#pragma once

#include <string>

#include "ir/finding.h"

namespace nodec {

// One action, worded for people. `scratch`: every run writes the variable before it reads it.
std::string help_for(const Finding& finding, bool scratch);

}  // namespace nodec
