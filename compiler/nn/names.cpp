// Names against leaves.
#include "compiler/nn/names.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/nearest.h"

namespace nodec::nn {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] != '*') {
    return !text.empty() && pattern[0] == text[0] && matches(pattern.substr(1), text.substr(1));
  }
  for (std::size_t skipped = 0; skipped <= text.size(); ++skipped) {
    if (matches(pattern.substr(1), text.substr(skipped))) return true;
  }
  return false;
}

}  // namespace

bool name_means(std::string_view name, std::string_view leaf) {
  if (matches(name, leaf)) return true;
  for (std::size_t dot = leaf.find('.'); dot != leaf.npos; dot = leaf.find('.', dot + 1)) {
    if (matches(name, leaf.substr(0, dot))) return true;
  }
  return matches(name, leaf.substr(leaf.rfind('.') + 1));
}

std::vector<std::string> words_for(const std::vector<std::string>& leaves) {
  std::vector<std::string> words;
  const auto add = [&](std::string_view word) {
    if (std::ranges::find(words, word) == words.end()) words.emplace_back(word);
  };
  for (const std::string& leaf : leaves) add(leaf);
  for (const std::string_view leaf : leaves) {
    add(leaf.substr(leaf.rfind('.') + 1));
    for (std::size_t dot = leaf.find('.'); dot != leaf.npos; dot = leaf.find('.', dot + 1)) {
      add(leaf.substr(0, dot));
    }
  }
  return words;
}

std::vector<bool> leaves_meant(const std::vector<std::string>& names,
                               const std::vector<std::string>& leaves, std::string_view what) {
  std::vector<bool> meant(leaves.size(), false);
  std::vector<std::string> unknown;
  for (const std::string& name : names) {
    bool found = false;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (!name_means(name, leaves[i])) continue;
      meant[i] = found = true;
    }
    if (!found) unknown.push_back(name);
  }
  if (unknown.empty()) return meant;
  throw Error(fmt::format("no parameter is meant by '{}', which is to be {}",
                          fmt::join(unknown, "', '"), what),
              {},
              suggestion(unknown.front(), words_for(leaves),
                         fmt::format("the parameters are {}", fmt::join(leaves, ", "))));
}

}  // namespace nodec::nn
