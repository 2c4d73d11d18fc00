// Which leaves of a record a user's names mean: "layer_2.weight" is a leaf, "layer_2" all below it,
// "weight" every leaf whose last name it is; `*` stands for any characters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nodec::nn {

bool name_means(std::string_view name, std::string_view leaf);
// What may be said of these leaves without `*`, each once: all of their names, the last parts of
// these, and the records that they are in.
std::vector<std::string> words_for(const std::vector<std::string>& leaves);
// For each leaf, whether one of the names means it. Error where a name means none; `what` says what
// the names are for ("frozen").
std::vector<bool> leaves_meant(const std::vector<std::string>& names,
                               const std::vector<std::string>& leaves, std::string_view what);

}  // namespace nodec::nn
