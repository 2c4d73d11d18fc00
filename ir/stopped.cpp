// The words for a program that stopped.
#include "ir/stopped.h"

#include <charconv>

#include "ir/status.h"
#include "ir/text.h"

namespace nodec {
namespace {

// The part of `text` before `separator`, which is removed with it.
std::string_view cut(std::string_view& text, std::string_view separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text = at == text.npos ? std::string_view{} : text.substr(at + separator.size());
  return head;
}

std::vector<std::int64_t> sizes_of(std::string_view text) {
  std::vector<std::int64_t> sizes;
  while (!text.empty()) {
    const std::string_view number = cut(text, ", ");
    std::int64_t size = 0;
    std::from_chars(number.data(), number.data() + number.size(), size);
    sizes.push_back(size);
  }
  return sizes;
}

std::string subscript(std::int64_t flat, const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (std::size_t i = sizes.size(); i-- > 0; flat /= sizes[i]) {
    text = fmt::format("{}{}{}", flat % sizes[i], text.empty() ? "" : ", ", text);
  }
  return text.empty() ? "" : "[" + text + "]";
}

// A gradient that is not to be relied on by its own estimate, which no one solve made.
bool is_estimate(const Outcome& outcome, const Site& site) {
  return Status(outcome.status) == Status::GradientUnreliable && site.op == kGradientSite;
}

// A tape that is full outside of every solve: a loop's.
bool is_loops_tape(const Outcome& outcome, const Site& site) {
  return Status(outcome.status) == Status::TapeLimit && outcome.site < 0 && !site.where.known();
}

// What stops for its own sake, and not for a solve.
bool is_solveless(const Outcome& outcome, const Site& site) {
  return is_estimate(outcome, site) || is_loops_tape(outcome, site) ||
         Status(outcome.status) == Status::OneSample;
}

// Which solve: "in the reverse solve of layer_2".
std::string solve_text(const Outcome& outcome, const Site& site) {
  if (is_solveless(outcome, site) || (outcome.site < 0 && !site.where.known())) return "";
  return fmt::format(" in the {}solve{}", outcome.reverse != 0 ? "reverse " : "",
                     site.where.layer.empty() ? "" : " of " + site.where.layer);
}

std::string first_text(const Outcome& outcome, const Site& site) {
  const bool its_own = outcome.told == 2 * outcome.site + outcome.reverse;
  if (Status(outcome.status) != Status::NonFinite || !its_own) return "";
  const std::string name = component_name(site.states, outcome.component);
  if (name.empty()) return "";
  const std::string sample = outcome.sample < 0 ? "" : fmt::format(" of sample {}", outcome.sample);
  return fmt::format("; {}{}{} was not finite first",
                     outcome.reverse != 0 ? "the cotangent of " : "", name, sample);
}

std::string bytes_text(std::int64_t bytes) {
  constexpr double kMiB = 1 << 20;
  if (bytes < 1 << 20) return fmt::format("{} bytes", bytes);
  return bytes < 1 << 30 ? fmt::format("{:.1f} MiB", double(bytes) / kMiB)
                         : fmt::format("{:.1f} GiB", double(bytes) / kMiB / 1024);
}

std::string tape_text(const Outcome& outcome) {
  if (outcome.tape_bytes == 0) return "";
  if (outcome.tape_bytes <= outcome.tape_limit) {
    return fmt::format("; there is no memory for {} of it", bytes_text(outcome.tape_bytes));
  }
  return fmt::format("; it would take {}, of at most {}", bytes_text(outcome.tape_bytes),
                     bytes_text(outcome.tape_limit));
}

std::string progress_text(const Outcome& outcome, const Site& site) {
  if (is_estimate(outcome, site)) {
    return fmt::format(" (estimated error {:.3g}, limit {:.3g})", outcome.t, outcome.dt);
  }
  if (is_loops_tape(outcome, site)) {
    return fmt::format(" (with {} on it{})", count_of(std::size_t(outcome.tape_frames), "turn"),
                       tape_text(outcome));
  }
  if (is_solveless(outcome, site)) return "";
  return fmt::format(" (at t = {}, dt = {}, after {} accepted and {} rejected steps{}{})",
                     number_text(outcome.t), number_text(outcome.dt), outcome.accepted,
                     outcome.rejected, first_text(outcome, site), tape_text(outcome));
}

std::string words(std::string_view program, const Outcome& outcome, const Site& site) {
  return fmt::format(
      "{} stopped{}: {}{}", program.empty() ? "the program" : fmt::format("'{}'", program),
      solve_text(outcome, site), sentence(Status(outcome.status)), progress_text(outcome, site));
}

std::vector<Note> place(const Outcome& outcome, const Site& site) {
  if (!site.where.known()) return {};
  const std::string what = is_estimate(outcome, site) ? "the gradient"
                           : site.op.empty()          ? "the solve"
                                                      : site.op;
  return {{site.where, what}};
}

std::string remedy_of(const Outcome& outcome, const Site& site) {
  const bool within = outcome.tape_bytes > 0 && outcome.tape_bytes <= outcome.tape_limit;
  if (Status(outcome.status) == Status::TapeLimit && within) {
    return "free some memory, or take a smaller batch";
  }
  if (!is_loops_tape(outcome, site)) return std::string(remedy(Status(outcome.status)));
  return "raise CallOptions::tape_limit_bytes (half of the machine's memory by default), or give "
         "the loop a cap of its own, under which it computes again: LoopOptions::tape_bytes";
}

std::string action(const Outcome& outcome, const Site& site, std::string_view tape_limit) {
  std::string text = remedy_of(outcome, site);
  if (const std::size_t at = text.find(kTapeLimit); at != text.npos) {
    text.replace(at, kTapeLimit.size(), tape_limit);
  }
  return text;
}

}  // namespace

std::string component_name(std::string_view states, std::int64_t component) {
  while (component >= 0 && !states.empty()) {
    std::string_view name = cut(states, "; ");
    std::vector<std::int64_t> sizes;
    if (const std::size_t bracket = name.rfind('['); name.ends_with(']') && bracket != name.npos) {
      sizes = sizes_of(name.substr(bracket + 1, name.size() - bracket - 2));
      name = name.substr(0, bracket);
    }
    std::int64_t count = 1;
    for (const std::int64_t size : sizes) count *= size;
    if (component < count) return std::string(name) + subscript(component, sizes);
    component -= count;
  }
  return {};
}

Stopped::Stopped(std::string_view program, const Outcome& outcome, const Site& site,
                 std::string_view tape_limit)
    : Error(words(program, outcome, site), place(outcome, site), action(outcome, site, tape_limit)),
      outcome_(outcome),
      site_(site) {}

}  // namespace nodec
