// The edit that mends a finding.
#pragma once

#include <string>

#include "ir/finding.h"

namespace nodec {

// One action, worded for people. `scratch`: every run writes the variable before it reads it.
std::string help_for(const Finding& finding, bool scratch);
// The same for `flat-path`. `of_time`: what the variable is compared with is a solve's time.
std::string help_for_flat_path(const std::string& variable, bool of_time);

}  // namespace nodec
