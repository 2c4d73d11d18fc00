// Splits IR text into tokens. Every byte string is answered, with tokens or with an Error.
#include "ir/lexer.h"

#include <algorithm>

#include "ir/text.h"

namespace nodec {
namespace {

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// What a message shows of hostile text: printable, and not much of it.
std::string excerpt(std::string_view text, std::size_t limit) {
  const bool cut = text.size() > limit;
  std::string shown(text.substr(0, limit));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return shown + (cut ? "..." : "");
}

}  // namespace

std::string Token::shown() const {
  switch (kind) {
    case Kind::End:
      return "the end of the text";
    case Kind::Value:
      return fmt::format("'%{}{}'", excerpt(text, 40),
                         number == 0 ? "" : fmt::format("#{}", number));
    case Kind::String:
      return "the string \"" + excerpt(text, 40) + "\"";
    default:
      return "'" + excerpt(text, 40) + "'";
  }
}

Note Lexer::note(const Token& token) const {
  const std::size_t before =
      token.at == 0 ? std::string_view::npos : text_.rfind('\n', token.at - 1);
  std::string_view line = text_.substr(before == std::string_view::npos ? 0 : before + 1);
  line = line.substr(0, line.find('\n'));
  line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
  return {{file_, token.line}, excerpt(line, 80)};
}

Note Lexer::place(const Token& token) const {
  Note at = note(token);
  at.remark += fmt::format(" (column {})", column(token));
  return at;
}

std::size_t Lexer::column(const Token& token) const {
  const std::size_t before =
      token.at == 0 ? std::string_view::npos : text_.rfind('\n', token.at - 1);
  return before == std::string_view::npos ? token.at + 1 : token.at - before;
}

void Lexer::fail(const Token& token, const std::string& message, const std::string& help) const {
  throw Error(fmt::format("{} (column {})", message, column(token)), {note(token)}, help);
}

void Lexer::unexpected(const Token& token, std::string_view wanted, const std::string& help) const {
  fail(token, fmt::format("wanted {}, got {}", wanted, token.shown()), help);
}

void Lexer::skip_blank() {
  while (pos_ < text_.size()) {
    if (here() == '\n') {
      ++line_;
    } else if (here() == '/' && here(1) == '/') {
      while (pos_ < text_.size() && here() != '\n') ++pos_;
      continue;
    } else if (here() != ' ' && here() != '\t' && here() != '\r') {
      return;
    }
    ++pos_;
  }
}

Token Lexer::next() {
  const int before = line_;
  const bool first = pos_ == 0;
  skip_blank();
  Token token;
  token.starts = first || line_ != before;
  token.at = pos_;
  token.line = line_;
  if (pos_ == text_.size()) return token;
  if (is_letter(here())) {
    read_word(token);
  } else if (is_digit(here())) {
    read_number(token);
  } else if (here() == '"') {
    read_string(token);
  } else if (here() == '%') {
    read_value(token);
  } else {
    token.kind = Token::Kind::Punctuation;
    token.text = here();
    ++pos_;
  }
  return token;
}

void Lexer::read_word(Token& token) {
  token.kind = Token::Kind::Word;
  const std::size_t start = pos_;
  const auto part = [this](std::size_t ahead) {
    return is_letter(here(ahead)) || is_digit(here(ahead));
  };
  while (part(0) || (here() == '.' && part(1))) ++pos_;
  token.text = text_.substr(start, pos_ - start);
}

// Any run that a number could be; who wants a number checks its form.
void Lexer::read_number(Token& token) {
  token.kind = Token::Kind::Number;
  const std::size_t start = pos_;
  const bool hex = here() == '0' && here(1) == 'x';
  while (is_letter(here()) || is_digit(here()) || here() == '.') {
    const bool exponent = !hex && (here() == 'e' || here() == 'E');
    ++pos_;
    if (exponent && (here() == '+' || here() == '-')) ++pos_;
  }
  token.text = text_.substr(start, pos_ - start);
}

void Lexer::read_string(Token& token) {
  token.kind = Token::Kind::String;
  ++pos_;
  for (;;) {
    if (pos_ == text_.size() || here() == '\n') fail(token, "a string has no closing quote");
    const char c = here();
    ++pos_;
    if (c == '"') return;
    token.text += c == '\\' ? read_escape(token) : c;
  }
}

char Lexer::read_escape(const Token& token) {
  const char c = here();
  ++pos_;
  switch (c) {
    case '"':
    case '\\':
      return c;
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'x': {
      const int high = hex_digit(here()), low = hex_digit(here(1));
      if (high >= 0 && low >= 0) {
        pos_ += 2;
        return char(high * 16 + low);
      }
      break;
    }
    default:
      break;
  }
  fail(token, "a string has an escape other than \\\" \\\\ \\n \\t \\xHH");
}

void Lexer::read_value(Token& token) {
  ++pos_;
  if (is_digit(here())) {
    const std::size_t start = pos_;
    while (is_digit(here())) ++pos_;
    token.text = text_.substr(start, pos_ - start);
    token.bare = true;
  } else if (is_letter(here())) {
    read_word(token);
  } else if (here() == '"') {
    read_string(token);
    if (token.text.empty()) fail(token, "a value's name is empty");
  } else {
    fail(token, "a '%' stands without a value's name");
  }
  if (!token.bare && here() == '#' && is_digit(here(1))) read_value_number(token);
  token.kind = Token::Kind::Value;
}

void Lexer::read_value_number(Token& token) {
  constexpr int kMost = 1 << 20;
  for (++pos_; is_digit(here()); ++pos_) {
    token.number = token.number * 10 + (here() - '0');
    if (token.number > kMost) fail(token, fmt::format("a value's number goes up to {}", kMost));
  }
}

}  // namespace nodec
