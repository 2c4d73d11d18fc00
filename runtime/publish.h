// Files that appear whole or not at all: written under another name in the same folder, then
// renamed, so that no reader sees a part of one, whoever else writes it at the same time.
//
// The file keeps its mode and its owner. Nothing but a plain file is ever replaced: a link is
// followed, a terminal, a pipe or another character device gets the bytes as they come, and so does
// a file of several names, since a rename would part them, once they are whole beside it. A block
// device is refused.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nodec {

using FileParts = std::vector<std::string_view>;

// Writes the parts back to back. What is returned says why it could not ("No space left on
// device"), and is empty when it could; then nothing else is left behind.
[[nodiscard]] std::string publish(const std::filesystem::path& place, const FileParts& parts);

// The same for files that can be made again: does not wait for the disk, and refuses whatever is
// not a plain file.
[[nodiscard]] std::string publish_entry(const std::filesystem::path& place, const FileParts& parts);

// Why a later publish would fail, as far as that shows already; else empty. Leaves nothing.
[[nodiscard]] std::string why_unwritable(const std::filesystem::path& place);
// An Error that says so; called before the work whose result goes there.
void require_writable(const std::filesystem::path& place);

// Whether what is published in both places would be one plain file, by whatever names or links.
bool is_one_file(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace nodec
