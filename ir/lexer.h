// The tokens of the IR text, with the place of each for messages.
#pragma once

#include <string>
#include <string_view>

#include "ir/error.h"

namespace nodec {

struct Token {
  enum class Kind : std::uint8_t { Word, Value, Number, String, Punctuation, End };
  Kind kind = Kind::End;
  std::string text;     // a value without its %, a string without quotes and escapes
  bool bare = false;    // a value of digits only: it has no name
  int number = 0;       // behind a value's name: %x#2 is the third of the values called x
  bool starts = false;  // the first token of its line
  std::size_t at = 0;   // offset of its first byte in the text
  int line = 1;

  bool is(char punctuation) const { return kind == Kind::Punctuation && text[0] == punctuation; }
  bool is(std::string_view word) const { return kind == Kind::Word && text == word; }
  std::string shown() const;  // as messages quote it
};

class Lexer {
 public:
  // What to do about text that is wrong in no way that has a mend of its own.
  static constexpr const char* kCompare =
      "compare with text that is right: `nodec dump MODEL --after trace` prints it";

  Lexer(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  Token next();
  // "wanted <wanted>, got <token>" at the token's line and column.
  [[noreturn]] void unexpected(const Token& token, std::string_view wanted,
                               const std::string& help = kCompare) const;
  [[noreturn]] void fail(const Token& token, const std::string& message,
                         const std::string& help = kCompare) const;
  // Points at the token's line; the remark is what stands there.
  Note note(const Token& token) const;
  // The same with the column, for a message that does not state it.
  Note place(const Token& token) const;

 private:
  std::size_t column(const Token& token) const;
  void skip_blank();
  char here(std::size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
  }
  void read_word(Token& token);
  void read_number(Token& token);
  void read_string(Token& token);
  char read_escape(const Token& token);
  void read_value(Token& token);
  void read_value_number(Token& token);

  std::string_view text_;
  std::string file_;
  std::size_t pos_ = 0;
  int line_ = 1;
};

}  // namespace nodec
