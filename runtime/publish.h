// Files that appear whole or not at all: written under another name in the same folder, then
// renamed, so that no reader sees a part of one, whoever else writes it at the same time.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string_view>

namespace nodec {

// The parts back to back. False: could not write; then nothing is left behind.
bool publish(const std::filesystem::path& place, std::initializer_list<std::string_view> parts);

}  // namespace nodec
