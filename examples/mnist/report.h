// What training prints: a start line and one line an epoch, as JSON for programs or as the
// tutorial's own line for people.
#pragma once

#include <cstdint>
#include <string>

#include "compiler/nodec.h"

namespace nodec::mnist {

// The epoch's totals, with notes on what they do not hold: "train_accuracy" and "test_accuracy"
// (percent, after the epoch), "compiles" and "tape_growths" (since the start).
std::string json_line(const nn::Trainer::Compiled& start);
std::string json_line(const nn::Totals& epoch, std::int64_t epochs);
std::string text_line(const nn::Trainer::Compiled& start);
std::string text_line(const nn::Totals& epoch, std::int64_t epochs);

}  // namespace nodec::mnist
