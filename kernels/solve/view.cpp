// Attributes of a solve, as parsed text may have them.
#include "kernels/solve/view.h"

#include <algorithm>

#include "kernels/rules.h"

namespace nodec {

std::size_t SolveView::count(std::string_view name) const {
  const auto value = attribute_or<std::int64_t>(*op_, name, 0);
  if (value < 0 || value > 1 << 20) fail(*op_, fmt::format("cannot have {} {}", value, name));
  return std::size_t(value);
}

std::string SolveView::text(std::string_view name, std::string_view fallback) const {
  return attribute_or<std::string>(*op_, name, std::string(fallback));
}

std::vector<std::int64_t> SolveView::per_step() const {
  return attribute_or<std::vector<std::int64_t>>(*op_, "per_step", {});
}

bool SolveView::is_per_step(std::size_t cell) const {
  const auto cells = per_step();
  return std::find(cells.begin(), cells.end(), std::int64_t(cell)) != cells.end();
}

std::size_t SolveView::taped_stages() const {
  const auto given = attribute_or<std::int64_t>(*op_, "taped_stages", method().active_stages());
  if (given < 0 || given > method().stages) {
    fail(*op_, fmt::format("cannot tape {} of {}", given, count_of(method().stages, "stage")));
  }
  return std::size_t(given);
}

std::vector<std::int64_t> SolveView::taped_states() const {
  const auto taped = attribute_or<std::vector<std::int64_t>>(*op_, "taped_states", {});
  for (const std::int64_t i : taped) {
    if (i >= 0 && std::size_t(i) < states()) continue;
    fail(*op_, fmt::format("cannot tape state {} of {}", i, states()));
  }
  return taped;
}

bool SolveView::keeps_stages() const { return attribute_or<bool>(*op_, "keep", true); }

bool SolveView::limits_steps() const { return attribute_or<bool>(*op_, "dt_max", false); }

bool SolveView::goes_along() const { return attribute_or<bool>(*op_, "along", false); }

bool SolveView::meets_jumps() const { return attribute_or<bool>(*op_, "jumps", false); }

bool SolveView::bounds_integrals() const { return attribute_or<bool>(*op_, "bounded", false); }

bool SolveView::has_stops() const { return attribute_or<bool>(*op_, "stops", false); }

const Method& SolveView::method() const {
  const std::string name = text("method", "tsit5");
  if (const Method* found = find_method(name)) return *found;
  std::string known;
  for (const Method* m : methods()) known += (known.empty() ? "" : ", ") + std::string(m->name);
  fail(*op_, fmt::format("knows no method '{}'", name), "name one of: " + known);
}

}  // namespace nodec
