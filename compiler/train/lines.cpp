// The wording of lines. Numbers in JSON are rounded to what they are worth.
#include "compiler/train/lines.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace nodec::nn {
namespace {

double rounded(double value, int digits) {
  const double scale = std::pow(10.0, digits);
  return std::round(value * scale) / scale;
}

// An estimate is worth no more.
double two_digits(double value) {
  const std::string text = fmt::format("{:.1e}", value);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "3e-6".
std::string one_digit(double value) {
  std::string text = fmt::format("{:.0e}", value);
  const std::size_t zero = text.find_last_of("+-") + 1;
  if (std::isfinite(value) && text[zero] == '0' && zero + 1 < text.size()) text.erase(zero, 1);
  return text;
}

// What every epoch's line has.
nlohmann::ordered_json own_fields(const Totals& e, std::int64_t epochs) {
  const auto batches = double(e.batches);
  return {{"epoch", e.epoch},
          {"epochs", epochs},
          {"time_s", rounded(e.seconds, 6)},
          {"step_us_median", rounded(1e6 * e.step_seconds, 2)},
          {"threads_ran", std::int64_t(e.threads_ran)},
          {"loss", rounded(e.loss(), 6)},
          {"f_evals", rounded(double(e.f_evals) / batches, 4)},
          {"accepted", rounded(double(e.accepted) / batches, 4)},
          {"rejected", rounded(double(e.rejected) / batches, 4)}};
}

double note_of(const Totals& epoch, const std::string& note) {
  const auto found = epoch.notes.find(note);
  if (found != epoch.notes.end()) return found->second;
  throw Error(fmt::format("nothing was noted as '{}' with epoch {}", note, epoch.epoch), {},
              "note it when the epoch has ended: trainer.note(name, value)");
}

// A count as one.
nlohmann::ordered_json note_json(double value) {
  if (value == std::trunc(value) && std::fabs(value) < 0x1p53) return std::int64_t(value);
  return rounded(value, 4);
}

}  // namespace

std::string json_line(const Trainer::Compiled& s) {
  nlohmann::ordered_json line{{"compile_ms", rounded(s.milliseconds, 3)},
                              {"from_cache", s.from_cache},
                              {"device", s.device},
                              {"threads", s.threads},
                              {"parameters", s.parameters},
                              {"cpu", s.cpu},
                              {"lanes", s.lanes}};
  if (s.launch) {
    line["launch"] = {{"form", name_of(s.launch->kind)},
                      {"blocks", s.launch->blocks},
                      {"threads", s.launch->threads},
                      {"arenas", s.launch->arena_shared ? "shared" : "global"}};
  }
  return line.dump();
}

std::string json_line(const Totals& e, std::int64_t epochs) {
  nlohmann::ordered_json line = own_fields(e, epochs);
  for (const auto& [name, value] : e.notes) line[name] = note_json(value);
  if (e.gradient_error) line["gradient_error"] = two_digits(*e.gradient_error);
  return line.dump();
}

bool is_told(std::string_view name) {
  return name == "gradient_error" || own_fields({}, 0).contains(name);
}

std::string text_line(const Trainer::Compiled& s) {
  const std::string made =
      fmt::format("{} parameters, {} in {:.0f} ms", s.parameters,
                  s.from_cache ? "compiled code from the cache" : "compiled", s.milliseconds);
  if (s.launch) return fmt::format("{} for {}, {}", made, s.device, text_of(*s.launch));
  return fmt::format("{} for {} ({} lanes), {} thread{}", made, s.cpu, s.lanes, s.threads,
                     s.threads == 1 ? "" : "s");
}

std::string text_line(const Totals& e, std::int64_t epochs, const Percents& percents) {
  std::string line = fmt::format("[{}/{}]  Time {:.4f}s", e.epoch, epochs, e.seconds);
  for (const auto& [note, name] : percents) {
    line += fmt::format("  {}: {:.2f}%", name, note_of(e, note));
  }
  if (e.gradient_error) line += "  gradient error " + one_digit(*e.gradient_error);
  return line;
}

}  // namespace nodec::nn
