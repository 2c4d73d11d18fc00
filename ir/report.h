// Findings as text for people: the one wording that the command line, a refused compile and
// whoever holds findings as data share. Lines are quoted where their file can be read. What the
// user named is printable() in it: no control characters are there but ours, of colours.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "ir/finding.h"

namespace nodec {

struct ReportStyle {
  bool colour = false;
  bool quote = true;     // show the source lines
  std::size_t lost = 6;  // values that lost their type, listed by name and line at most
};

// All findings, each closed by an empty line, then how many there are. One line when there is none.
std::string report(std::span<const Finding> findings, const ReportStyle& style = {});
std::string report(const Finding& finding, const ReportStyle& style = {});

// One line without places: "'st' starts as f32[3] and becomes f64[3]".
std::string sentence(const Finding& finding);

// What happens at one of its writes: "stored here, f64[3]".
std::string remark(const Finding& finding, const Write& write);

// Both types with their equal parts elided: "{..., mean: f32[3]}" against "{..., mean: f64[3]}".
std::pair<std::string, std::string> short_diff(const Type& before, const Type& after);

// Relative to the current directory when it is below it.
std::string short_path(const std::string& file);
std::string short_str(const SourceLine& where);

// The text of a line of a file, without the space around it; empty when it cannot be read.
std::string source_text(const SourceLine& where);

}  // namespace nodec
