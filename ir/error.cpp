// Renders the two kinds of failure; the layout is stated in error.h.
#include "ir/error.h"

namespace nodec {
namespace {

// Of a character in UTF-8: also those of 0x80 to 0x9f, which some terminals obey.
bool controls(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte == '\n' || byte == '\t') return false;
  if (byte < 0x20 || byte == 0x7f) return true;
  const auto is_high = [&](std::size_t i) {
    return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xe0) == 0x80;
  };
  constexpr unsigned char kLead = 0xc2;
  if (byte == kLead) return is_high(at + 1);
  return is_high(at) && at > 0 && static_cast<unsigned char>(text[at - 1]) == kLead;
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
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (controls(text, i)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    } else {
      out += text[i];
    }
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
