// The wording of results. Numbers in JSON are rounded to what they are worth.
#include "examples/mnist/report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "compiler/nodec.h"

namespace nodec::mnist {
namespace {

double rounded(double value, int digits) {
  const double scale = std::pow(10.0, digits);
  return std::round(value * scale) / scale;
}

// An estimate is worth no more.
double two_digits(double value) {
  return std::isfinite(value) ? std::stod(fmt::format("{:.1e}", value)) : value;
}

// "3e-6".
std::string one_digit(double value) {
  std::string text = fmt::format("{:.0e}", value);
  const std::size_t zero = text.find_last_of("+-") + 1;
  if (std::isfinite(value) && text[zero] == '0' && zero + 1 < text.size()) text.erase(zero, 1);
  return text;
}

}  // namespace

std::string json_line(const nn::Trainer::Compiled& s) {
  return nlohmann::ordered_json{{"compile_ms", rounded(s.milliseconds, 3)},
                                {"from_cache", s.from_cache},
                                {"device", s.device},
                                {"threads", s.threads},
                                {"parameters", s.parameters},
                                {"cpu", s.cpu},
                                {"lanes", s.lanes}}
      .dump();
}

std::string json_line(const nn::Totals& e, std::int64_t epochs) {
  const auto batches = double(e.batches);
  const auto note = [&](const char* name) { return e.notes.at(name); };
  nlohmann::ordered_json line{{"epoch", e.epoch},
                              {"epochs", epochs},
                              {"time_s", rounded(e.seconds, 6)},
                              {"step_us_median", rounded(1e6 * e.step_seconds, 2)},
                              {"threads_ran", std::int64_t(e.threads_ran)},
                              {"train_accuracy", rounded(note("train_accuracy"), 4)},
                              {"test_accuracy", rounded(note("test_accuracy"), 4)},
                              {"loss", rounded(e.loss(), 6)},
                              {"f_evals", rounded(double(e.f_evals) / batches, 4)},
                              {"accepted", rounded(double(e.accepted) / batches, 4)},
                              {"rejected", rounded(double(e.rejected) / batches, 4)},
                              {"compiles", std::int64_t(note("compiles"))},
                              {"tape_growths", std::int64_t(note("tape_growths"))}};
  if (e.gradient_error) line["gradient_error"] = two_digits(*e.gradient_error);
  return line.dump();
}

std::string text_line(const nn::Trainer::Compiled& s) {
  const std::string made =
      fmt::format("{} parameters, {} in {:.0f} ms", s.parameters,
                  s.from_cache ? "compiled code from the cache" : "compiled", s.milliseconds);
  if (s.device != "cpu") return fmt::format("{} for {}", made, s.device);
  return fmt::format("{} for {} ({} lanes), {} thread{}", made, s.cpu, s.lanes, s.threads,
                     s.threads == 1 ? "" : "s");
}

std::string text_line(const nn::Totals& e, std::int64_t epochs) {
  const std::string line = fmt::format(
      "[{}/{}]  Time {:.4f}s  Training Accuracy: {:.2f}%  Test Accuracy: {:.2f}%", e.epoch, epochs,
      e.seconds, e.notes.at("train_accuracy"), e.notes.at("test_accuracy"));
  if (!e.gradient_error) return line;
  return line + "  gradient error " + one_digit(*e.gradient_error);
}

}  // namespace nodec::mnist
