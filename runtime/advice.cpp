// The words of each kind of advice.
#include "runtime/advice.h"

#include <fmt/format.h>

namespace nodec {
namespace {

struct Kind {
  std::int64_t SolveCounts::*count;
  const char *what, *remedy;
};

constexpr Kind kKinds[] = {
    {&SolveCounts::below_atol, "kept the whole state below atol, which then controls no error",
     "lower atol"},
    {&SolveCounts::rejecting, "rejected more than a third of their steps",
     "cap the step with dt_max, land on jumps with stops, or try controller i or pi"},
    {&SolveCounts::stiff, "were stiff: stability, not accuracy, decided the steps",
     "rescale the dynamics or regularise them, or loosen rtol only where accuracy allows"},
};

}  // namespace

std::vector<std::string> Advice::hear(const Outcome& outcome) {
  std::vector<std::string> lines;
  for (const bool reverse : {false, true}) {
    const SolveCounts& counts = reverse ? outcome.backward : outcome.forward;
    for (std::size_t k = 0; k < std::size(kKinds); ++k) {
      const std::int64_t count = counts.*kKinds[k].count;
      if (count == 0 || told_[reverse][k]) continue;
      told_[reverse][k] = true;
      lines.push_back(fmt::format("note: {} of {} {} {}; {}", count, counts.solves,
                                  reverse ? "reverse solves" : "solves", kKinds[k].what,
                                  kKinds[k].remedy));
    }
  }
  return lines;
}

}  // namespace nodec
