// What a training program prints of itself: a line at the start and one an epoch, as JSON for
// programs or in words for people.
#pragma once

#include <cstdint>
#include <string>

#include "compiler/train/trainer.h"

namespace nodec::nn {

// With the epoch's notes by name; solver counts are means over its batches.
std::string json_line(const Trainer::Compiled& start);
std::string json_line(const Totals& epoch, std::int64_t epochs);
// Whether an epoch's line has this of itself, so that no note is called so.
bool is_told(std::string_view name);

// "[1/9]  Time 0.0312s", its notes in `percents` under these names, then the gradient's error if it
// was told.
using Percents = std::vector<std::pair<std::string, std::string>>;  // note, name
std::string text_line(const Trainer::Compiled& start);
std::string text_line(const Totals& epoch, std::int64_t epochs, const Percents& percents);

}  // namespace nodec::nn
