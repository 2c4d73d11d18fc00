// Damerau's distance (optimal string alignment), and what counts as near.
#include "ir/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace nodec {

int edit_distance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<int> d((a.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> int& { return d[i * width + j]; };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = int(i);
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = int(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replaced = at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return at(a.size(), b.size());
}

std::vector<std::string> nearest(std::string_view word,
                                 const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongestWord = 200;
  if (word.empty() || word.size() > kLongestWord) return {};
  std::vector<std::pair<int, std::string>> near;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestWord) continue;
    const bool part = word.size() > 2 && candidate.find(word) != std::string::npos;
    const int distance = part ? 0 : edit_distance(word, candidate);
    const bool shares = distance < int(std::max(word.size(), candidate.size()));
    if (shares && distance <= int(std::max<std::size_t>(1, word.size() / 3))) {
      near.emplace_back(distance, candidate);
    }
  }
  std::stable_sort(near.begin(), near.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (auto& [distance, name] : near) {
    if (names.size() < 3) names.push_back(std::move(name));
  }
  return names;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates,
                       const std::string& otherwise) {
  const std::vector<std::string> near = nearest(word, candidates);
  if (near.empty()) return otherwise;
  std::string text = "did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i) {
    text += fmt::format("{}'{}'", i == 0 ? "" : i + 1 < near.size() ? ", " : " or ", near[i]);
  }
  return text + "?";
}

std::string suggestion_or_all(std::string_view word, const std::vector<std::string>& candidates,
                              std::string_view begin) {
  return suggestion(word, candidates, fmt::format("{} {}", begin, fmt::join(candidates, ", ")));
}

}  // namespace nodec
