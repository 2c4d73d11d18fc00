// Findings as text for another copy of nodec, which shares no code with the one that found them: a
// library of models and the command line. JSON, every field; `nodec types --json` is for people.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/finding.h"

namespace nodec {

std::string findings_text(std::span<const Finding> findings);
// The inverse. Error when the text is not what findings_text writes.
std::vector<Finding> read_findings(std::string_view text);

}  // namespace nodec
