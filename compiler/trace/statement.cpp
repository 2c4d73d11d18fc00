// A line is split at its semicolons and braces into pieces; a piece's stores are its assignments,
// from right to left as C++ orders them, with std::tie, std::swap and std::exchange. Between pieces
// the order is that of the text only inside one pair of braces, and without a choice or a loop.
#include "compiler/trace/statement.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <regex>

#include "ir/lasting.h"
#include "ir/report.h"

namespace nodec::tracing {
namespace {

constexpr std::string_view kEnds = ";{}";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// st["scale"] = x stores to st: its fields are parts of one variable.
std::string without_fields(const std::string& target) {
  return target.substr(0, target.find("[\""));
}

std::vector<std::string> split_targets(const std::string& list) {
  static const auto& target = lasting<std::regex>(R"(\s*([^,]*[^,\s])\s*)");
  std::vector<std::string> targets;
  for (std::sregex_iterator at(list.begin(), list.end(), target), end; at != end; ++at) {
    if (!(*at)[1].str().ends_with("ignore")) targets.push_back(without_fields((*at)[1]));
  }
  return targets;
}

// One store, or several that happen in a row.
struct Store {
  std::size_t at = 0;
  std::vector<std::string> targets;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(masked(text)), whole_(text) {}

  Assigned read() {
    std::size_t begin = 0;
    while (begin <= text_.size()) {
      const std::size_t end = std::min(text_.find_first_of(kEnds, begin), text_.size());
      read_piece(begin, end);
      begin = end + 1;
      if (end == text_.size()) break;
      if (text_[end] == '{') scopes_.push_back(++scope_count_);
      if (text_[end] == '}' && scopes_.size() > 1) scopes_.pop_back();
      if (text_[end] == '}' && scopes_.size() == 1) scopes_.back() = ++scope_count_;
    }
    return result();
  }

 private:
  Assigned result() {
    const bool one = std::all_of(targets_.begin(), targets_.end(),
                                 [&](const std::string& t) { return t == targets_.front(); });
    if (!certain_ || targets_.empty()) return {};
    if (one) return {{targets_.front()}, true};
    static const auto& choice =
        lasting<std::regex>(R"(\b(?:if|else|for|while|do|switch|case)\b|\?|&&|\|\|)");
    if (apart_ || std::regex_search(text_, choice)) return {};
    return {targets_, pieces_ == 1};
  }

  void read_piece(std::size_t begin, std::size_t end) {
    declares_ = std::string::npos;
    std::vector<Store> stores;
    read_calls(begin, end, stores);
    for (std::size_t at = begin; at < end; ++at) {
      if (is_assignment(at)) read_assignment(begin, at, stores);
    }
    std::sort(stores.begin(), stores.end(), [](auto& a, auto& b) { return a.at > b.at; });
    for (std::size_t i = 1; i < stores.size(); ++i) {
      const std::string between = text_.substr(stores[i].at, stores[i - 1].at - stores[i].at);
      if (between.find(',') != std::string::npos) certain_ = false;
    }
    if (stores.empty()) return;
    apart_ |= pieces_ > 0 && scope_ != scopes_.back();
    apart_ |= end < text_.size() && text_[end] == '{';
    scope_ = scopes_.back();
    ++pieces_;
    for (const Store& store : stores) {
      targets_.insert(targets_.end(), store.targets.begin(), store.targets.end());
    }
  }

  // std::swap(a, b) stores to both, std::exchange(a, x) to the first.
  void read_calls(std::size_t begin, std::size_t end, std::vector<Store>& stores) {
    static const auto& call = lasting<std::regex>(R"((^|[^.>\w])(swap|exchange)\s*\()");
    static const auto& plain = lasting<std::regex>(R"(\s*([^(),]+),([^(),]+)\).*)");
    static const auto& first = lasting<std::regex>(R"(\s*([^(),]+),.*)");
    const auto from = text_.begin() + std::ptrdiff_t(begin),
               to = text_.begin() + std::ptrdiff_t(end);
    for (std::sregex_iterator at(from, to, call), last; at != last; ++at) {
      const std::size_t open = begin + std::size_t(at->position() + at->length());
      const std::string rest = whole_.substr(open, end - open);
      std::smatch found;
      const bool swaps = (*at)[2] == "swap";
      if (!std::regex_match(rest, found, swaps ? plain : first)) {
        certain_ = false;
      } else {
        const std::string list = swaps ? found[1].str() + "," + found[2].str() : found[1].str();
        stores.push_back({open, split_targets(list)});
      }
    }
  }

  bool is_assignment(std::size_t at) const {
    if (text_[at] != '=') return false;
    const char before = at > 0 ? text_[at - 1] : ' ',
               after = at + 1 < text_.size() ? text_[at + 1] : ' ';
    if (after == '=' || std::string_view("=!<>").find(before) != std::string_view::npos)
      return false;
    int brackets = 0;  // a capture, [n = 0], is no store
    for (std::size_t i = at; i-- > 0 && kEnds.find(text_[i]) == std::string_view::npos;) {
      brackets += text_[i] == '[' ? 1 : text_[i] == ']' ? -1 : 0;
      if (brackets > 0) return false;
    }
    return true;
  }

  void read_assignment(std::size_t begin, std::size_t at, std::vector<Store>& stores) {
    std::size_t end = at;
    if (end > begin && std::string_view("+-*/%&|^").find(text_[end - 1]) != std::string_view::npos)
      --end;
    while (end > begin && text_[end - 1] == ' ') --end;
    if (end > begin && text_[end - 1] == ')') return read_tie(begin, end, at, stores);
    std::size_t start = path_start(begin, end);
    std::size_t before = start;
    while (before > begin && text_[before - 1] == ' ') --before;
    const char left = before > begin ? text_[before - 1] : ' ';
    if (start == end) {  // auto [a, b] = x
      if (end > begin && text_[end - 1] == ']') return declare(at);
      certain_ = false;
      return;
    }
    if (text_[start] == '.' && left != ')') return;  // {.member = x}
    const std::string path = without_fields(whole_.substr(start, end - start));
    if (is_declared(begin, before, left, at)) return declare(at);
    const bool plain = left != '*' && left != '&' && is_word(path[0]);
    if (plain && !path.ends_with("operator")) return stores.push_back({at, {path}});
    certain_ = false;
  }

  void declare(std::size_t at) { declares_ = std::min(declares_, at); }

  // Whether what stands before a name makes it a declaration: a type, or another declarator.
  bool is_declared(std::size_t begin, std::size_t before, char left, std::size_t at) const {
    if (left == ',' && declares_ != std::string::npos) return depth(declares_, at) == 0;
    while (before > begin &&
           std::string_view("*& ").find(text_[before - 1]) != std::string_view::npos) {
      --before;
    }
    if (before == begin) return false;
    if (text_[before - 1] == '>')
      return text_.substr(begin, before - begin).find("->") == std::string::npos;
    std::size_t word = before;
    while (word > begin && is_word(text_[word - 1])) --word;
    const std::string type = text_.substr(word, before - word);
    return !type.empty() && type != "return" && type != "else" && type != "do";
  }

  int depth(std::size_t from, std::size_t to) const {
    return int(std::count(text_.begin() + long(from), text_.begin() + long(to), '(')) -
           int(std::count(text_.begin() + long(from), text_.begin() + long(to), ')'));
  }

  // Where a path like counters.calls, p->x[2] begins that ends here; `end` when there is none.
  std::size_t path_start(std::size_t begin, std::size_t end) const {
    std::size_t start = end;
    while (true) {
      std::size_t at = start;
      while (at > begin && text_[at - 1] == ']') {
        const std::size_t open = text_.rfind('[', at - 1);
        if (open == std::string::npos || open < begin) return end;
        at = open;
      }
      const std::size_t name = at;
      while (at > begin && is_word(text_[at - 1])) --at;
      if (at == name) return end;
      start = at;
      if (start > begin && text_[start - 1] == '.') {
        start -= 1;
      } else if (start > begin + 1 && text_.substr(start - 2, 2) == "->") {
        start -= 2;
      } else {
        return start;
      }
      if (start == begin || (!is_word(text_[start - 1]) && text_[start - 1] != ']')) return start;
    }
  }

  // std::tie(a, b) = x; what else ends in a parenthesis has no name.
  void read_tie(std::size_t begin, std::size_t end, std::size_t at, std::vector<Store>& stores) {
    static const auto& tie = lasting<std::regex>(R"((?:^|.*[^\w])tie\s*\(([^()]*)\))");
    const std::string left = whole_.substr(begin, end - begin);
    std::smatch found;
    if (std::regex_match(left, found, tie)) {
      stores.push_back({at, split_targets(found[1])});
    } else {
      certain_ = false;
    }
  }

  std::string text_, whole_;
  std::vector<std::string> targets_;
  std::vector<int> scopes_{0};  // the braces around a place
  int scope_ = 0, scope_count_ = 0, pieces_ = 0;
  std::size_t declares_ = 0;  // where this piece declares
  bool certain_ = true;
  bool apart_ = false;  // some store stands in other braces than the one before it
};

}  // namespace

std::string masked(std::string_view line) {
  std::string text(line);
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote == 0 && text.substr(i, 2) == "//") return text.substr(0, i);
    const bool separator = text[i] == '\'' && i > 0 && is_word(text[i - 1]);  // 10'000
    if (quote == 0 && (text[i] == '"' || text[i] == '\'') && !separator) {
      quote = text[i];
    } else if (quote != 0) {
      const bool escape = text[i] == '\\';
      if (text[i] == quote) quote = 0;
      if (quote != 0) text[i] = 'x';
      if (escape && i + 1 < text.size()) text[++i] = 'x';
    }
  }
  return text;
}

Assigned assigned_on(std::string_view text) { return Reader(text).read(); }

std::string declared_on(const SourceLine& where, bool copied) {
  static const auto& declaration =
      lasting<std::regex>(R"(\b(?:Var|State|Params)\s+([A-Za-z_]\w*)\s*([;={(])(.*))");
  static const auto& body =
      lasting<std::regex>(R"(\)[^;]*\{)");  // of a function: "Var st(const Var& x) {"
  static const auto& lambda =
      lasting<std::regex>(R"(\[[^\]]*\]\s*(?:\([^()]*\))?\s*(?:mutable\s*)?(?:->[^{]*)?\{)");
  static const auto& call = lasting<std::regex>(R"((?:^|[^.\w])\w+\s*(?:<[^()]*>\s*)?\(\s*[^)\s])");
  static const auto& more =
      lasting<std::regex>(R"(;.*\w)");  // which this line may be the place of, too
  const std::string text = masked(source_text(where));
  std::smatch found;
  if (!std::regex_search(text, found, declaration)) return {};
  const std::string rest = found[3];
  if (found[2] == "(" && std::regex_search(rest, body)) return {};
  if (std::regex_search(rest, lambda) || std::regex_search(rest, more)) return {};
  if (copied && std::regex_search(rest, call)) return {};
  int depth = 0;
  for (const char c : rest) {
    depth += c == '(' || c == '{' || c == '[';
    depth -= c == ')' || c == '}' || c == ']';
    if (c == ',' && depth <= 0) return {};  // more than one
  }
  return found[1];
}

}  // namespace nodec::tracing
