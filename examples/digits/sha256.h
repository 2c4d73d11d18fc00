// SHA-256 of a file, so that a download is known to be what was published.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace nodec::digits {

std::string sha256(std::string_view bytes);  // 64 lower-case hexadecimal digits
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace nodec::digits
