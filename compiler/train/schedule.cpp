// The schedules' formulas.
#include "compiler/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ir/error.h"

namespace nodec::nn {
namespace {

void check_updates(const char* what, std::int64_t steps) {
  if (steps >= 1) return;
  throw Error(fmt::format("a schedule {} over {} updates", what, steps), {}, "give it one or more");
}

void check_factor(const char* what, double factor, bool fits, const char* wanted) {
  if (fits) return;
  throw Error(fmt::format("{} is a finite number {}, got {}", what, wanted, factor), {},
              "give what the learning rate is multiplied by");
}

}  // namespace

Schedule Constant() { return {}; }

Schedule Cosine(std::int64_t steps, double end) {
  check_updates("goes down", steps);
  check_factor("Cosine's end", end, std::isfinite(end) && end >= 0, "0 or more");
  return {fmt::format("cosine({}, end {})", steps, end), [=](std::int64_t step) {
            const double gone = double(std::min(step, steps)) / double(steps);
            return end + (1 - end) * 0.5 * (1 + std::cos(std::numbers::pi * gone));
          }};
}

Schedule Steps(std::int64_t every, double factor) {
  check_updates("goes down", every);
  check_factor("Steps' factor", factor, std::isfinite(factor) && factor > 0, "above 0");
  return {fmt::format("step({}, factor {})", every, factor),
          [=](std::int64_t step) { return std::pow(factor, double(step / every)); }};
}

Schedule Exponential(double rate) {
  check_factor("Exponential's rate", rate, std::isfinite(rate) && rate > 0, "above 0");
  return {fmt::format("exponential({})", rate),
          [=](std::int64_t step) { return std::pow(rate, double(step)); }};
}

Schedule WarmUp(std::int64_t steps, Schedule then) {
  check_updates("warms up", steps);
  const std::string name = fmt::format("warm-up({}), {}", steps, then.name());
  return {name, [steps, then = std::move(then)](std::int64_t step) {
            return step < steps ? double(step + 1) / double(steps) : then(step - steps);
          }};
}

Schedule schedule_named(std::string_view name, std::int64_t updates) {
  const std::int64_t warm = std::max<std::int64_t>(1, updates / 20);
  if (name == "constant") return Constant();
  if (name == "cosine") return Cosine(updates);
  if (name == "step") return Steps((updates + 2) / 3);
  if (name == "exponential" || name == "warm-up") check_updates("goes down", updates);
  if (name == "exponential") return Exponential(std::pow(0.01, 1 / double(updates)));
  if (name == "warm-up") return WarmUp(warm, Cosine(std::max<std::int64_t>(1, updates - warm)));
  throw Error(fmt::format("there is no schedule '{}'", name), {},
              "take constant, cosine, exponential, step or warm-up");
}

}  // namespace nodec::nn
