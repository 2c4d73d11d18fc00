// Reads the parts of IR text that stand for themselves (names, numbers, dims, types, attributes)
// from a stream of tokens with one token of lookahead.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "ir/lexer.h"

namespace nodec {

class Reader {
 public:
  Reader(std::string_view text, std::string_view file)
      : lexer_(text, file), ahead_(lexer_.next()) {}

  const Lexer& lexer() const { return lexer_; }
  const Token& peek() const { return ahead_; }
  Token take();
  // Takes the token when it is this one.
  bool accept(char punctuation);
  bool accept(std::string_view word);
  void expect(char punctuation);
  void expect(std::string_view word);
  Token expect(Token::Kind kind, std::string_view wanted);

  std::string name(std::string_view wanted);  // dotted words or a string
  Type type() { return type(0); }
  Attr attr();
  SourceLine source_line();  // "file:line"

  // item {"," item} until `close`, which is taken; or nothing but `close`.
  template <class Item>
  void until(char close, Item item) {
    if (accept(close)) return;
    do {
      item();
    } while (accept(','));
    expect(close);
  }

 private:
  Type type(int depth);
  Type record(const Token& start, int depth);
  int placement();
  std::vector<Type> types(char close, int depth);
  Type function(int depth);
  Shape dims(char close);
  Dim dim();
  Dim term();
  std::int64_t dim_number();
  std::int64_t integer(bool negative);
  double real(const Token& token, bool negative);
  double nan_bits();
  bool real_follows() const;
  Attr number();
  Attr list();

  Lexer lexer_;
  Token ahead_;
};

}  // namespace nodec
