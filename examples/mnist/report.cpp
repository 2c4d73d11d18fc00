// The wording of results. Numbers in JSON are rounded to what they are worth.
#include "examples/mnist/report.h"

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

std::string json_line(const Start& s) {
  return nlohmann::ordered_json{{"compile_ms", rounded(s.compile_ms, 3)},
                                {"from_cache", s.from_cache},
                                {"device", s.device},
                                {"threads", s.threads},
                                {"parameters", s.parameters},
                                {"cpu", s.cpu},
                                {"lanes", s.lanes}}
      .dump();
}

std::string json_line(const Epoch& e) {
  nlohmann::ordered_json line{{"epoch", e.epoch},
                              {"epochs", e.epochs},
                              {"time_s", rounded(e.time_s, 6)},
                              {"step_us_median", rounded(e.step_us_median, 2)},
                              {"threads_ran", e.threads_ran},
                              {"train_accuracy", rounded(e.train_accuracy, 4)},
                              {"test_accuracy", rounded(e.test_accuracy, 4)},
                              {"loss", rounded(e.loss, 6)},
                              {"f_evals", rounded(e.f_evals, 4)},
                              {"accepted", rounded(e.accepted, 4)},
                              {"rejected", rounded(e.rejected, 4)},
                              {"compiles", e.compiles},
                              {"tape_growths", e.tape_growths}};
  if (e.gradient_error) line["gradient_error"] = two_digits(*e.gradient_error);
  return line.dump();
}

std::string text_line(const Start& s) {
  return fmt::format("{} parameters, {} in {:.0f} ms for {} ({} lanes), {} thread{}", s.parameters,
                     s.from_cache ? "compiled code from the cache" : "compiled", s.compile_ms,
                     s.cpu, s.lanes, s.threads, s.threads == 1 ? "" : "s");
}

std::string text_line(const Epoch& e) {
  const std::string line =
      fmt::format("[{}/{}]  Time {:.4f}s  Training Accuracy: {:.2f}%  Test Accuracy: {:.2f}%",
                  e.epoch, e.epochs, e.time_s, e.train_accuracy, e.test_accuracy);
  if (!e.gradient_error) return line;
  return line + "  gradient error " + one_digit(*e.gradient_error);
}

}  // namespace nodec::mnist
