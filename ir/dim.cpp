// Dims: integer polynomials in symbols.
//
// A polynomial is a map from monomial (a sorted list of symbols, repeated for powers) to non-zero
// coefficient, the constant apart, so two polynomials are equal exactly when these are. Division by
// one divisor is long division under the graded order (degree first, then the smaller symbol's
// power): multiplying two monomials by a third keeps their order, so the leading term of a product
// is the product of the leading terms, and when the division comes out even every step's leading
// terms divide (Cox, Little, O'Shea, Ideals, Varieties, and Algorithms, section 2.3). All
// arithmetic is checked: a size past 2^63 is an Error, never a wrapped number.
#include <algorithm>

#include "ir/error.h"
#include "ir/text.h"
#include "ir/type.h"

namespace nodec {
namespace {

using Monomial = std::vector<std::string>;

// Far past any real shape; they keep hostile text from growing polynomials without end.
constexpr std::size_t kTermLimit = 4096;
constexpr std::size_t kDegreeLimit = 64;

std::int64_t checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw Error("a size is past 2^63");
  return sum;
}

std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw Error("a size is past 2^63");
  return product;
}

void add_term(std::map<Monomial, std::int64_t>& terms, const Monomial& monomial,
              std::int64_t coefficient) {
  std::int64_t& mine = terms[monomial];
  mine = checked_add(mine, coefficient);
  if (mine == 0) terms.erase(monomial);
}

// The graded order, leading term first.
bool leads(const Monomial& a, const Monomial& b) {
  return a.size() != b.size() ? a.size() > b.size() : a < b;
}

Monomial product(const Monomial& a, const Monomial& b) {
  Monomial all;
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

std::optional<Monomial> quotient(const Monomial& a, const Monomial& b) {
  if (!std::includes(a.begin(), a.end(), b.begin(), b.end())) return std::nullopt;
  Monomial rest;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(rest));
  return rest;
}

}  // namespace

Dim Dim::of(Terms terms) {
  Dim dim;
  if (const auto constant = terms.find({}); constant != terms.end()) {
    dim.constant_ = constant->second;
    terms.erase(constant);
  }
  if (!terms.empty()) dim.terms_ = std::make_shared<const Terms>(std::move(terms));
  return dim;
}

Dim::Terms Dim::terms() const {
  Terms all = terms_ ? *terms_ : Terms();
  if (constant_ != 0) all[{}] = constant_;
  return all;
}

Dim Dim::symbol(std::string_view name) {
  if (!is_word(name)) {
    throw Error(
        fmt::format("a size symbol is a word of letters, digits and _, got {}", quoted(name)));
  }
  return of({{{std::string(name)}, 1}});
}

Dim Dim::unknown() {
  Dim dim;
  dim.unknown_ = true;
  return dim;
}

std::int64_t Dim::constant() const {
  NODEC_CHECK(is_constant(), "the dim {} is no number", str());
  return constant_;
}

bool Dim::is_size() const {
  const auto small = [](std::int64_t x) { return x < kSizeLimit && x > -kSizeLimit; };
  if (!terms_) return unknown_ || (constant_ >= 0 && small(constant_));
  return small(constant_) && std::all_of(terms_->begin(), terms_->end(),
                                         [&](const auto& term) { return small(term.second); });
}

bool Dim::mentions(std::string_view symbol) const {
  return terms_ && std::any_of(terms_->begin(), terms_->end(), [&](const auto& term) {
           return std::find(term.first.begin(), term.first.end(), symbol) != term.first.end();
         });
}

std::vector<std::string> Dim::symbols() const {
  std::vector<std::string> all;
  if (!terms_) return all;
  for (const auto& [monomial, coefficient] : *terms_) {
    all.insert(all.end(), monomial.begin(), monomial.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

bool Dim::operator==(const Dim& other) const {
  if (constant_ != other.constant_ || unknown_ != other.unknown_) return false;
  return terms_ == other.terms_ || (terms_ && other.terms_ && *terms_ == *other.terms_);
}

std::int64_t Dim::evaluate(const Bindings& bindings) const {
  if (unknown_) throw Error("a size is unknown (?) where its value is needed");
  if (!terms_) return constant_;
  std::int64_t sum = constant_;
  for (const auto& [monomial, coefficient] : *terms_) {
    std::int64_t term = coefficient;
    for (const std::string& symbol : monomial) {
      const auto bound = bindings.find(symbol);
      if (bound == bindings.end()) {
        throw Error(fmt::format("the size symbol '{}' has no value", symbol));
      }
      term = checked_mul(term, bound->second);
    }
    sum = checked_add(sum, term);
  }
  return sum;
}

std::optional<Dim> Dim::divided_by(const Dim& divisor) const {
  if (unknown_ || divisor.unknown_ || divisor == Dim(0)) return std::nullopt;
  const auto by_order = [](const auto& a, const auto& b) { return leads(a.first, b.first); };
  const Terms by = divisor.terms();
  const auto& lead = *std::min_element(by.begin(), by.end(), by_order);
  Dim rest = *this, result;
  while (rest != Dim(0)) {
    const Terms left = rest.terms();
    const auto& top = *std::min_element(left.begin(), left.end(), by_order);
    const std::optional<Monomial> monomial = quotient(top.first, lead.first);
    if (!monomial) return std::nullopt;
    std::int64_t coefficient = 0;
    if (lead.second == -1) {  // apart, since -2^63 % -1 traps
      coefficient = checked_mul(top.second, -1);
    } else if (top.second % lead.second == 0) {
      coefficient = top.second / lead.second;
    } else {
      return std::nullopt;
    }
    const Dim term = of({{*monomial, coefficient}});
    result = result + term;
    rest = rest - term * divisor;
  }
  return result;
}

Dim Dim::operator+(const Dim& other) const {
  if (unknown_ || other.unknown_) return unknown();
  if (!terms_ && !other.terms_) return checked_add(constant_, other.constant_);
  Terms sum = terms();
  for (const auto& [monomial, coefficient] : other.terms()) {
    add_term(sum, monomial, coefficient);
  }
  return of(std::move(sum));
}

Dim Dim::operator-(const Dim& other) const { return *this + other * Dim(-1); }

Dim Dim::operator*(const Dim& other) const {
  if (unknown_ || other.unknown_) return unknown();
  if (!terms_ && !other.terms_) return checked_mul(constant_, other.constant_);
  const Terms mine = terms(), theirs = other.terms();
  if (mine.size() * theirs.size() > kTermLimit) throw Error("a size has too many terms");
  Terms sum;
  for (const auto& [a, x] : mine) {
    for (const auto& [b, y] : theirs) {
      if (a.size() + b.size() > kDegreeLimit) throw Error("a size has too high a degree");
      add_term(sum, product(a, b), checked_mul(x, y));
    }
  }
  return of(std::move(sum));
}

std::string Dim::str() const {
  if (unknown_) return "?";
  if (!terms_) return std::to_string(constant_);
  const Terms unordered = terms();
  std::vector<std::pair<Monomial, std::int64_t>> ordered(unordered.begin(), unordered.end());
  std::sort(ordered.begin(), ordered.end(),
            [](const auto& a, const auto& b) { return leads(a.first, b.first); });
  std::string text;
  for (const auto& [monomial, coefficient] : ordered) {
    const bool minus = coefficient < 0;
    if (text.empty()) {
      text += minus ? "-" : "";
    } else {
      text += minus ? " - " : " + ";
    }
    const std::uint64_t size = minus ? -std::uint64_t(coefficient) : std::uint64_t(coefficient);
    const bool written = size != 1 || monomial.empty();
    if (written) text += std::to_string(size);
    if (written && !monomial.empty()) text += "*";
    text += fmt::format("{}", fmt::join(monomial, "*"));
  }
  return text;
}

Dim substitute(const Dim& dim, const std::map<std::string, Dim>& dims) {
  if (!dim.terms_) return dim;
  Dim sum = dim.constant_;
  for (const auto& [monomial, coefficient] : *dim.terms_) {
    Dim term(coefficient);
    for (const std::string& symbol : monomial) {
      const auto found = dims.find(symbol);
      term = term * (found == dims.end() ? Dim::symbol(symbol) : found->second);
    }
    sum = sum + term;
  }
  return sum;
}

Dim element_count(const Shape& shape) {
  Dim count = 1;
  for (const Dim& dim : shape) count = count * dim;
  return count;
}

std::string str(const Shape& shape) {
  std::string text;
  for (const Dim& dim : shape) text += (text.empty() ? "" : ", ") + dim.str();
  return "[" + text + "]";
}

}  // namespace nodec
