// Renders the two kinds of failure; the layout is stated in error.h.
#include "ir/error.h"

namespace nodec {
namespace {

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

Error::Error(std::string message, std::vector<Note> notes, std::string help)
    : std::runtime_error(render(message, notes, help)),
      message_(std::move(message)),
      notes_(std::move(notes)),
      help_(std::move(help)) {}

std::string error_text(const std::exception& failure) {
  const std::string text = failure.what();
  return dynamic_cast<const Error*>(&failure) != nullptr ? text : "error: " + text;
}

void check_failed(const char* condition, const std::source_location& at,
                  const std::string& evidence) {
  throw std::logic_error(fmt::format("this is a bug in nodec: {}\n  --> {}   {} does not hold",
                                     evidence, SourceLine::of(at).str(), condition));
}

}  // namespace nodec
