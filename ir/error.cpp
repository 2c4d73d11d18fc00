// Renders the two kinds of failure; the layout is stated in error.h.
#include "ir/error.h"

#include <algorithm>

namespace nodec {
namespace {

// How many bytes of UTF-8 a character takes that a terminal may obey: of those of 0x80 to 0x9f some
// are obeyed too, and others (U+200E, U+202A, U+2066 and on) turn the writing around. 0: it shows.
std::size_t control_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto within = [](unsigned x, unsigned first, unsigned last) {
    return first <= x && x <= last;
  };
  if (byte(0) == '\n' || byte(0) == '\t') return 0;
  if (byte(0) < 0x20 || byte(0) == 0x7f) return 1;
  if (byte(0) == 0xc2 && within(byte(1), 0x80, 0x9f)) return 2;
  if (byte(0) != 0xe2) return 0;
  const unsigned last = byte(2);
  const bool marks = byte(1) == 0x80 && (within(last, 0x8e, 0x8f) || within(last, 0xaa, 0xae));
  return marks || (byte(1) == 0x81 && within(last, 0xa6, 0xa9)) ? 3 : 0;
}

std::vector<Note> with_printable_remarks(std::vector<Note> notes) {
  for (Note& note : notes) note.remark = printable(note.remark);
  return notes;
}

std::string render(const std::string& message, const std::vector<Note>& notes,
                   const std::string& help) {
  std::string text = "error: " + message;
  for (const Note& note : notes) {
    text += "\n  --> " + note.where.str();
    if (!note.remark.empty()) text += "   " + note.remark;
  }
  if (!help.empty()) text += "\n  help: " + help;
  return text;
}

}  // namespace

SourceLine SourceLine::read(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  const std::string digits(text.substr(colon + 1));
  const bool number = !digits.empty() && digits.size() < 10 && digits[0] != '0' &&
                      digits.find_first_not_of("0123456789") == std::string::npos;
  if (!number) return {};
  return {std::string(text.substr(0, colon)), std::stoi(digits)};
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t bytes = control_bytes(text);
    for (std::size_t i = 0; i < bytes; ++i) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    }
    if (bytes == 0) out += text[0];
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return out;
}

Error::Error(std::string message, std::vector<Note> notes, std::string help)
    : std::runtime_error(printable(render(message, notes, help))),
      message_(printable(message)),
      notes_(with_printable_remarks(std::move(notes))),
      help_(printable(help)) {}

std::string error_text(const std::exception& failure) {
  const std::string text = printable(failure.what());
  return dynamic_cast<const Error*>(&failure) != nullptr ? text : "error: " + text;
}

void check_failed(const char* condition, const std::source_location& at,
                  const std::string& evidence) {
  throw std::logic_error(fmt::format("this is a bug in nodec: {}\n  --> {}   {} does not hold",
                                     evidence, SourceLine::of(at).str(), condition));
}

}  // namespace nodec
