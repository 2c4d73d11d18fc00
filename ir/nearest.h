// Suggestions for mistyped names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nodec {

// Edits (insert, delete, replace, swap neighbours) from one word to the other.
int edit_distance(std::string_view a, std::string_view b);

// The candidates near enough to be what was meant, nearest first, at most three.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

// "did you mean 'mnist/layer'?", or `otherwise` when nothing is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates,
                       const std::string& otherwise);
// The same, or all of them behind `begin`: "the models are mnist/layer, mnist/compact".
std::string suggestion_or_all(std::string_view word, const std::vector<std::string>& candidates,
                              std::string_view begin);

}  // namespace nodec
