// What training prints: a start line and one line an epoch, as JSON for programs or as the
// tutorial's own line for people.
#pragma once

#include <cstdint>
#include <string>

#include "compiler/nodec.h"

namespace nodec::mnist {

struct Start {
  double compile_ms = 0;
  bool from_cache = false;
  std::string device = "cpu";
  int threads = 1;
  std::int64_t parameters = 0;
  std::string cpu;  // the instructions compiled for
  int lanes = 0;    // f32 lanes of a vector
};

// The epoch's totals, with notes on what they do not hold: "train_accuracy" and "test_accuracy"
// (percent, after the epoch), "compiles" and "tape_growths" (since the start).
std::string json_line(const Start& start);
std::string json_line(const nn::Totals& epoch, std::int64_t epochs);
std::string text_line(const Start& start);
std::string text_line(const nn::Totals& epoch, std::int64_t epochs);

}  // namespace nodec::mnist
