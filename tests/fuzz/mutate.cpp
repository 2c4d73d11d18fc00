// Mutations that know the text's tokens, since changed bytes seldom parse. Most stay within a class
// (an op for one of as many operands, a number for a number, one dtype, symbol or size for another
// throughout), some move whole lines, and the rest are libFuzzer's own, with the dictionary.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/catalogue.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

enum class Class { Value, Word, Number, String, Other };

struct Token {
  std::size_t at, size;
  Class kind;
};

Class class_of(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '%') return Class::Value;
  if (c == '"') return Class::String;
  if (std::isdigit(byte)) return Class::Number;
  return std::isalpha(byte) || c == '_' ? Class::Word : Class::Other;
}

std::vector<Token> tokens_of(const std::string& text) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < text.size();) {
    if (std::isspace(static_cast<unsigned char>(text[i]))) {
      ++i;
      continue;
    }
    const Class kind = class_of(text[i]);
    std::size_t end = i + 1;
    if (kind == Class::String) {
      end = std::min(text.size(), text.find('"', end) == text.npos ? end : text.find('"', end) + 1);
    } else if (kind != Class::Other) {
      const auto inside = [&](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_';
      };
      while (end < text.size() && inside(text[end])) ++end;
    }
    tokens.push_back({i, end - i, kind});
    i = end;
  }
  return tokens;
}

class Mutator {
 public:
  Mutator(std::string text, unsigned seed) : text_(std::move(text)), random_(seed) {}

  std::string run() {
    switch (below(10)) {
      case 0:
        move_line();
        break;
      case 1:
        drop_types();
        replace_token();
        break;
      case 2:
      case 3:
      case 4:
        drop_types();
        replace_op();
        break;
      case 5:
      case 6:
        replace_number();
        break;
      default:
        replace_everywhere();
    }
    return std::move(text_);
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }

  void replace_token() {
    const std::vector<Token> tokens = tokens_of(text_);
    if (tokens.empty()) return;
    const Token at = tokens[below(tokens.size())];
    text_.replace(at.at, at.size, stranger(at, tokens));
  }

  // One word or number for another wherever it stands: another dtype, symbol or size throughout.
  void replace_everywhere() {
    const std::vector<Token> tokens = tokens_of(text_);
    if (tokens.empty()) return;
    const Token at = tokens[below(tokens.size())];
    if (at.kind == Class::Other) return replace_number();
    const std::string from = text_.substr(at.at, at.size), to = stranger(at, tokens);
    std::string changed;
    std::size_t copied = 0;
    for (const Token& token : tokens) {
      if (text_.compare(token.at, token.size, from) != 0) continue;
      changed += text_.substr(copied, token.at - copied) + to;
      copied = token.at + token.size;
    }
    text_ = changed + text_.substr(copied);
  }

  // An op for another of as many operands.
  void replace_op() {
    const std::vector<Token> tokens = tokens_of(text_);
    std::vector<Token> ops;
    for (const Token& token : tokens) {
      if (find(token) != nullptr) ops.push_back(token);
    }
    if (ops.empty()) return;
    const Token at = ops[below(ops.size())];
    const nodec::Primitive& was = *find(at);
    std::vector<std::string_view> alike;
    for (const nodec::Primitive* op : nodec::catalogue()) {
      if (op->arity == was.arity && op->form == was.form) alike.push_back(op->name);
    }
    text_.replace(at.at, at.size, alike[below(alike.size())]);
  }

  const nodec::Primitive* find(const Token& token) const {
    if (token.kind != Class::Word) return nullptr;
    return nodec::find_primitive(std::string_view(text_).substr(token.at, token.size));
  }

  // A number for another of its kind: reals have a point, an exponent or a name.
  void replace_number() {
    std::vector<Token> numbers;
    for (const Token& token : tokens_of(text_)) {
      if (token.kind == Class::Number) numbers.push_back(token);
    }
    if (numbers.empty()) return replace_op();
    static const char* const reals[] = {"0.0", "-0.0", "1.0", "1e308", "5e-324", "inf", "nan"};
    static const char* const integers[] = {"0", "1", "2", "3", "16", "1099511627775"};
    const Token at = numbers[below(numbers.size())];
    const bool real = text_.substr(at.at, at.size).find_first_of(".e") != std::string::npos;
    text_.replace(at.at, at.size, real ? reals[below(7)] : integers[below(6)]);
  }

  std::string stranger(const Token& at, const std::vector<Token>& tokens) {
    static const std::vector<std::string> numbers = {"0",
                                                     "1",
                                                     "-1",
                                                     "2",
                                                     "7",
                                                     "1099511627775",
                                                     "1099511627776",
                                                     "9223372036854775807",
                                                     "-9223372036854775808",
                                                     "9223372036854775808",
                                                     "2.5",
                                                     "1e308",
                                                     "nan",
                                                     "inf",
                                                     "-0.0"};
    static const std::vector<std::string> words = {"f32", "f64", "i32",  "i64",   "bool", "u8",
                                                   "key", "any", "true", "false", "B",    "N"};
    if (at.kind == Class::Number && below(3) == 0) return numbers[below(numbers.size())];
    if (at.kind == Class::Word && below(3) == 0) {
      if (below(2) == 0) return words[below(words.size())];
      const auto ops = nodec::catalogue();
      return std::string(ops[below(ops.size())]->name);
    }
    // Another token of its class, most often one nearby.
    for (int tries = 0; tries < 20; ++tries) {
      const Token& other = tokens[below(tokens.size())];
      if (other.kind == at.kind) return text_.substr(other.at, other.size);
    }
    return text_.substr(at.at, at.size);
  }

  // The types a line states, so that what follows is typed anew.
  void drop_types() {
    std::string kept;
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t end = std::min(text_.find('\n', at), text_.size());
      std::string line = text_.substr(at, end - at);
      const std::size_t colon = line.rfind(" : ");
      if (colon != line.npos && line.find(" = ") != line.npos) line.resize(colon);
      kept += line + "\n";
      at = end + 1;
    }
    text_ = std::move(kept);
  }

  void move_line() {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t end = std::min(text_.find('\n', at), text_.size());
      lines.push_back(text_.substr(at, end - at + 1));
      at = end + 1;
    }
    if (lines.size() < 2) return;
    const std::size_t from = below(lines.size()), to = below(lines.size());
    const std::string line = lines[from];
    if (below(2) == 0) lines.erase(lines.begin() + std::ptrdiff_t(from));
    lines.insert(lines.begin() + std::ptrdiff_t(std::min(to, lines.size())), line);
    text_.clear();
    for (const std::string& each : lines) text_ += each;
  }

  std::string text_;
  std::minstd_rand random_;
};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  if (seed % 10 == 0) return LLVMFuzzerMutate(data, size, most);
  const std::string text =
      Mutator(std::string(reinterpret_cast<const char*>(data), size), seed).run();
  if (text.empty() || text.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}
