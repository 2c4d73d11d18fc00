// The names reports give to finding codes, and what each means.
#include "ir/finding.h"

#include <algorithm>
#include <array>

#include "ir/report.h"

namespace nodec {
namespace {

struct Code {
  std::string_view name, meaning;
};

constexpr auto kCodes = std::to_array<Code>({
    {"boxed", "a body reassigns a captured variable; its type is proven, so it compiles"},
    {"dtype-change", "what is stored has another dtype than the variable started with"},
    {"shape-change", "what is stored has another rank or other dims"},
    {"structure-change", "what is stored has other fields, or is a record where a tensor was"},
    {"carry-change", "a loop's carried value enters with one type and leaves with another"},
    {"device-change", "what is stored lives on another device"},
    {"escape", "a value made inside a body is used outside of it"},
    {"use-before-store", "the variable is read before anything was stored in it"},
    {"aliased-slots", "two handles store to one state slot"},
    {"count-dependent", "the state depends on how often the solver runs the dynamics"},
    {"scratch", "the state is always written before it is read: it need not outlive the body"},
    {"flat-path", "a gradient lacks what reaches the dynamics through comparisons, floor or casts"},
});
static_assert(kCodes.size() == std::size_t(FindingCode::FlatPath) + 1, "a code lacks its meaning");

}  // namespace

std::string_view name(FindingCode code) { return kCodes.at(std::size_t(code)).name; }
std::string_view meaning(FindingCode code) { return kCodes.at(std::size_t(code)).meaning; }

std::vector<FindingCode> finding_codes() {
  std::vector<FindingCode> codes;
  for (std::size_t i = 0; i < kCodes.size(); ++i) codes.push_back(FindingCode(i));
  return codes;
}

std::string_view name(ProgramPart part) {
  return part == ProgramPart::Forward ? "forward" : "backward";
}

bool stable(std::span<const Finding> findings) {
  return std::all_of(findings.begin(), findings.end(), [](const Finding& f) { return f.stable(); });
}

Unstable::Unstable(std::vector<Finding> findings)
    : Error("the program's types are not stable\n" + report(findings)),
      findings_(std::move(findings)) {}

}  // namespace nodec
