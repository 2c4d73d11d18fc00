// A checked gradient as text and as JSON.
//
//   decay: the gradient with respect to k, u0
//   in f64 at rtol = atol = 1e-12        from differences   from discrete
//     discrete                                    3.1e-11               0
//     interpolating                               2.9e-11         1.2e-12
//   as it stands                             distance  estimate  to tol/10  f evals     time tape
//     discrete *                              1.2e-04   3.0e-04    1.1e-04       50    12 us     4
//     KiB
//   * what the program names
//   use discrete: ...
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "tools/nodec/gradient_check.h"

namespace nodec {
namespace {

using Json = nlohmann::ordered_json;

// From here on differences tell of kinks or jumps, not of their own error.
constexpr double kDiffer = 1e-5, kUseless = 1e-2;

std::string amount(double x) {
  if (std::isnan(x)) return "-";
  return x == 0 ? "0" : fmt::format("{:.1e}", x);
}

std::string duration(double us) {
  if (us < 10) return fmt::format("{:.1f} us", us);
  return us < 1000 ? fmt::format("{:.0f} us", us) : fmt::format("{:.1f} ms", us / 1000);
}

const RuleCheck* next_to(const GradientCheck& check, const RuleCheck& nearest) {
  const RuleCheck* next = nullptr;
  for (const RuleCheck& rule : check.rules) {
    if (&rule == &nearest || !rule.measured()) continue;
    if (next == nullptr || rule.distance < next->distance) next = &rule;
  }
  return next;
}

std::string bytes(std::int64_t n) {
  if (n < 10 * 1024) return fmt::format("{} B", n);
  return n < 10 * 1024 * 1024 ? fmt::format("{} KiB", n / 1024) : fmt::format("{} MiB", n >> 20);
}

std::string head(const std::string& model, const GradientCheck& check) {
  std::string sizes;
  for (const auto& [name, size] : check.sizes) {
    sizes += fmt::format("{}{} = {}", sizes.empty() ? " at " : ", ", name, size);
  }
  constexpr std::size_t kMost = 6;
  const std::span names(check.names);
  std::string listed =
      fmt::format("{}", fmt::join(names.first(std::min(kMost, names.size())), ", "));
  if (names.size() > kMost) listed += fmt::format(" and {} more", names.size() - kMost);
  std::string text = fmt::format("{}: the gradient with respect to {}{}\n", model, listed, sizes);
  if (check.of == 0) text += "it asks for none: this is that of its outputs, with random weights\n";
  if (check.of > 1) text += fmt::format("the first of the {} it asks for\n", check.of);
  if (!check.not_wide.empty()) text += fmt::format("not in f64: {}\n", check.not_wide);
  return text;
}

std::string reference_table(const GradientCheck& check) {
  std::string text =
      fmt::format("{:<34}{:>18}{:>22}\n",
                  fmt::format("{} at rtol = atol = {:.0e}",
                              check.not_wide.empty() ? "in f64" : "as typed", check.tolerance),
                  "from differences", "from " + check.reference);
  for (const RuleCheck& rule : check.rules) {
    if (std::isnan(rule.from_reference)) continue;
    text += fmt::format("  {:<32}{:>18}{:>22}\n", rule.name, amount(rule.from_differences),
                        amount(rule.from_reference));
  }
  return text;
}

std::string own_table(const GradientCheck& check) {
  std::string text = fmt::format("{:<22}{:>10}{:>10}{:>11}{:>9}{:>10}{:>10}\n", "as it stands",
                                 "distance", "estimate", "to tol/10", "f evals", "time", "tape");
  for (const RuleCheck& rule : check.rules) {
    const std::string name = rule.name + (rule.name == check.own ? " *" : "");
    if (rule.runs()) {
      text += fmt::format("  {:<20}{:>10}{:>10}{:>11}{:>9}{:>10}{:>10}\n", name,
                          amount(rule.distance), amount(rule.estimate), amount(rule.to_tenth),
                          rule.f_evals, duration(rule.time_us), bytes(rule.tape_bytes));
    } else {
      text += fmt::format("  {:<20}  {}\n", name, rule.refused);
    }
  }
  return text;
}

Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

Json rule_json(const RuleCheck& rule) {
  Json json = {{"rule", rule.name}, {"runs", rule.runs()}};
  if (!rule.runs()) json["because"] = rule.refused;
  json["from_differences"] = number(rule.from_differences);
  json["from_reference"] = number(rule.from_reference);
  json["distance"] = number(rule.distance);
  json["estimate"] = number(rule.estimate);
  json["to_tenth"] = number(rule.to_tenth);
  json["f_evals"] = rule.f_evals;
  json["time_us"] = rule.time_us;
  json["tape_bytes"] = rule.tape_bytes;
  return json;
}

}  // namespace

void recommend(GradientCheck& check, double enough) {
  const double differ = check.rule(check.reference)->from_differences;
  if (differ > kUseless) {
    const std::string own = check.custom.empty()
                                ? ""
                                : fmt::format("the rule of one's own is wrong ({}), or the ",
                                              fmt::join(check.custom, ", "));
    check.because = fmt::format(
        "no rule can be relied on here: central differences are {} from the nearest one, so {}"
        "loss has kinks or jumps near these inputs, or steps on the way (`nodec types` names "
        "those)",
        amount(differ), own.empty() ? "the " : own);
    return;
  }
  const RuleCheck *nearest = nullptr, *best = nullptr;
  for (const RuleCheck& rule : check.rules) {
    if (!rule.measured()) continue;
    if (nearest == nullptr || rule.distance < nearest->distance) nearest = &rule;
  }
  if (nearest == nullptr) {
    check.because = "no rule gives a finite gradient at the program's own tolerances";
    return;
  }
  const double near = std::max(2 * nearest->distance, enough);
  for (const RuleCheck& rule : check.rules) {
    if (!rule.measured() || rule.distance > near) continue;
    if (best == nullptr || rule.time_us < best->time_us) best = &rule;
  }
  check.use = best->name;
  const RuleCheck* next = next_to(check, *nearest);
  if (next == nullptr) {
    check.because = fmt::format("no other runs; it is {:.1e} from the reference", best->distance);
  } else if (best == nearest) {
    check.because = fmt::format(
        "it is nearest to the reference, {:.1e} in {}, before {} with {:.1e} in {}", best->distance,
        duration(best->time_us), next->name, next->distance, duration(next->time_us));
  } else {
    check.because = fmt::format(
        "at {:.1e} from the reference it is near enough, and takes {}, where {} takes {} for "
        "{:.1e}",
        best->distance, duration(best->time_us), nearest->name, duration(nearest->time_us),
        nearest->distance);
  }
}

std::string check_text(const std::string& model, const GradientCheck& check) {
  std::string text = head(model, check) + reference_table(check) + own_table(check);
  if (check.rules.size() > 1) text += "  * the rule that the program names\n";
  const double differ = check.rule(check.reference)->from_differences;
  if (differ > kDiffer && differ <= kUseless) {
    text += fmt::format(
        "central differences are {} from it: the loss may have kinks or jumps near these inputs\n",
        amount(differ));
  } else if (std::isnan(differ)) {
    text +=
        "central differences cannot be had: the loss stops or is not finite beside these inputs\n";
  }
  return text +
         (check.use.empty() ? check.because : fmt::format("use {}: {}", check.use, check.because)) +
         "\n";
}

std::string check_json(const std::string& model, const GradientCheck& check) {
  Json rules = Json::array();
  for (const RuleCheck& rule : check.rules) rules.push_back(rule_json(rule));
  Json all = {{"model", model},
              {"with_respect_to", check.names},
              {"gradients", check.of},
              {"sizes", check.sizes},
              {"f64", check.not_wide.empty()},
              {"tolerance", check.tolerance},
              {"own", check.own},
              {"reference", check.reference},
              {"rules", rules},
              {"worst", number(check.worst())},
              {"use", check.use},
              {"because", check.because}};
  if (!check.not_wide.empty()) all["not_f64"] = check.not_wide;
  return all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace nodec
