// Reads names, numbers, dims, types and attributes of IR text.
#include "ir/reader.h"

#include <bit>
#include <charconv>
#include <limits>

namespace nodec {
namespace {

constexpr int kDimTermLimit = 64;

// Whether all of `text` was a number.
template <class T, class... Format>
bool converts(std::string_view text, T& value, Format... format) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, format...);
  return error == std::errc() && stop == end;
}

}  // namespace

Token Reader::take() {
  Token token = std::move(ahead_);
  ahead_ = lexer_.next();
  return token;
}

bool Reader::accept(char punctuation) {
  if (!ahead_.is(punctuation)) return false;
  take();
  return true;
}

bool Reader::accept(std::string_view word) {
  if (!ahead_.is(word)) return false;
  take();
  return true;
}

void Reader::expect(char punctuation) {
  if (!accept(punctuation)) lexer_.unexpected(ahead_, fmt::format("'{}'", punctuation));
}

void Reader::expect(std::string_view word) {
  if (!accept(word)) lexer_.unexpected(ahead_, fmt::format("'{}'", word));
}

Token Reader::expect(Token::Kind kind, std::string_view wanted) {
  if (ahead_.kind != kind) lexer_.unexpected(ahead_, wanted);
  return take();
}

std::string Reader::name(std::string_view wanted) {
  const bool named = ahead_.kind == Token::Kind::Word || ahead_.kind == Token::Kind::String;
  if (!named) lexer_.unexpected(ahead_, wanted);
  return take().text;
}

// Dims.

std::int64_t Reader::dim_number() {
  const Token token = take();
  std::int64_t value = 0;
  if (!converts(token.text, value) || value >= kSizeLimit) {
    lexer_.unexpected(token, "a size below 2^40");
  }
  return value;
}

Dim Reader::term() {
  Dim product = 1;
  do {
    if (ahead_.kind == Token::Kind::Number) {
      product = product * dim_number();
    } else if (ahead_.kind == Token::Kind::Word && ahead_.text.find('.') == std::string::npos) {
      product = product * Dim::symbol(take().text);
    } else {
      lexer_.unexpected(ahead_, "a size");
    }
  } while (accept('*'));
  return product;
}

Dim Reader::dim() {
  if (accept('?')) return Dim::unknown();
  const Token start = ahead_;
  try {
    Dim sum = accept('-') ? Dim(0) - term() : term();
    for (int terms = 1; ahead_.is('+') || ahead_.is('-'); ++terms) {
      if (terms == kDimTermLimit) lexer_.fail(start, "a size has more than 64 terms");
      sum = take().is('+') ? sum + term() : sum - term();
    }
    // An attribute's may be negative, a type's is checked as such.
    if (!sum.is_size() && !(Dim(0) - sum).is_size()) lexer_.fail(start, "a size is past 2^40");
    return sum;
  } catch (const Error& error) {
    if (!error.notes().empty()) throw;
    lexer_.fail(start, error.message());
  }
}

Shape Reader::dims(char close) {
  const Token start = ahead_;
  Shape shape;
  until(close, [&] {
    if (shape.size() == kRankLimit) lexer_.fail(start, "a shape has more than 16 axes");
    shape.push_back(dim());
  });
  return shape;
}

// Types.

std::vector<Type> Reader::types(char close, int depth) {
  std::vector<Type> all;
  until(close, [&] { all.push_back(type(depth + 1)); });
  return all;
}

Type Reader::record(const Token& start, int depth) {
  std::vector<std::pair<std::string, Type>> fields;
  until('}', [&] {
    std::string field = name("a field's name");
    expect(':');
    fields.emplace_back(std::move(field), type(depth + 1));
  });
  try {
    return Type::record(std::move(fields));
  } catch (const Error& error) {
    lexer_.fail(start, error.message());
  }
}

Type Reader::type(int depth) {
  if (depth > kDepthLimit) lexer_.fail(ahead_, "types nest more than 64 deep");
  const Token start = ahead_;
  if (accept('(')) return Type::tuple(types(')', depth));
  if (accept('{')) return record(start, depth);
  if (start.kind != Token::Kind::Word) lexer_.unexpected(start, "a type");
  if (accept("any")) return Type::any();
  if (accept("never")) return Type::never();
  if (accept("tape")) {
    expect('<');
    return Type::tape(types('>', depth));
  }
  if (accept("function")) return function(depth);
  if (accept("box")) {
    expect('<');
    Type content = type(depth + 1);
    expect('>');
    return Type::box(std::move(content));
  }
  const std::optional<Dtype> dtype = parse_dtype(start.text);
  if (!dtype) lexer_.unexpected(start, "a type");
  take();
  expect('[');
  Shape shape = dims(']');
  for (const Dim& dim : shape) {
    if (!dim.is_size()) lexer_.fail(start, "a size is negative");
  }
  const Type type = Type::tensor(*dtype, std::move(shape));
  return accept("on") ? type.on(placement()) : type;
}

Type Reader::function(int depth) {
  expect('<');
  expect('(');
  std::vector<Type> arguments = types(')', depth + 1);
  expect(',');
  expect('(');
  std::vector<Type> results = types(')', depth + 1);
  expect('>');
  return Type::function(std::move(arguments), std::move(results));
}

int Reader::placement() {
  if (accept('?')) return kUnknownDevice;
  const Token token = ahead_;
  const std::int64_t device = integer(false);
  if (device > kLastDevice) {
    lexer_.fail(token, fmt::format("devices go from 0 to {}, got {}", kLastDevice, device));
  }
  return int(device);
}

// Lines.

SourceLine Reader::source_line() {
  const Token token = ahead_;
  if (token.kind != Token::Kind::String) lexer_.unexpected(token, "\"file:line\" or none");
  take();
  SourceLine line = SourceLine::read(token.text);
  if (!line.known()) lexer_.unexpected(token, "\"file:line\"");
  return line;
}

// Attributes.

std::int64_t Reader::integer(bool negative) {
  const Token token = expect(Token::Kind::Number, "an integer");
  std::int64_t value = 0;
  if (!converts((negative ? "-" : "") + token.text, value)) {
    lexer_.unexpected(token, "an integer of 64 bits");
  }
  return value;
}

// nan(0x7ff8000000000001): a NaN by its bits.
double Reader::nan_bits() {
  expect('(');
  const Token token = expect(Token::Kind::Number, "the bits of a NaN");
  std::uint64_t bits = 0;
  const bool hex = token.text.starts_with("0x");
  if (!hex || !converts(std::string_view(token.text).substr(2), bits, 16) ||
      std::bit_cast<double>(bits) == std::bit_cast<double>(bits)) {
    lexer_.unexpected(token, "the bits of a NaN, as 0x7ff8000000000001");
  }
  expect(')');
  return std::bit_cast<double>(bits);
}

double Reader::real(const Token& token, bool negative) {
  const double sign = negative ? -1 : 1;
  if (token.is("inf")) return sign * std::numeric_limits<double>::infinity();
  if (token.is("nan") && !negative) {
    return ahead_.is('(') ? nan_bits() : std::numeric_limits<double>::quiet_NaN();
  }
  double value = 0;
  if (token.kind != Token::Kind::Number || !converts(token.text, value)) {
    lexer_.unexpected(token, "a real number that a double holds");
  }
  return sign * value;
}

bool Reader::real_follows() const {
  if (ahead_.kind != Token::Kind::Number) return true;  // inf, nan, or an error said by real()
  return ahead_.text.find_first_of(".eE") != std::string::npos && !ahead_.text.starts_with("0x");
}

Attr Reader::number() {
  const bool negative = accept('-');
  if (real_follows()) return real(take(), negative);
  return integer(negative);
}

Attr Reader::list() {
  if (accept('.')) {
    expect(']');
    return std::vector<double>();
  }
  std::vector<std::int64_t> integers;
  std::vector<double> reals;
  until(']', [&] {
    const Token start = ahead_;
    const Attr value = number();
    const bool whole = std::holds_alternative<std::int64_t>(value);
    if (whole ? !reals.empty() : !integers.empty()) {
      lexer_.fail(start, "a list holds integers or reals, not both (2.0 is a real)");
    }
    if (whole) {
      integers.push_back(std::get<std::int64_t>(value));
    } else {
      reals.push_back(std::get<double>(value));
    }
  });
  if (!reals.empty()) return reals;
  return integers;
}

Attr Reader::attr() {
  if (accept('[')) return list();
  if (accept('<')) return dims('>');
  if (accept("true")) return true;
  if (accept("false")) return false;
  if (ahead_.kind == Token::Kind::String) return take().text;
  if (ahead_.kind == Token::Kind::Word) {
    if (const std::optional<Dtype> dtype = parse_dtype(ahead_.text)) {
      take();
      return *dtype;
    }
  }
  const bool number_follows =
      ahead_.kind == Token::Kind::Number || ahead_.is('-') || ahead_.is("inf") || ahead_.is("nan");
  if (!number_follows) lexer_.unexpected(ahead_, "an attribute's value");
  return number();
}

}  // namespace nodec
