// A line's statements from where the first one begins to where the last one ends. Line tables give
// a store that goes on over lines any of them, often that of its last operand.
#include <algorithm>
#include <regex>

#include "compiler/trace/statement.h"
#include "ir/lasting.h"
#include "ir/report.h"

namespace nodec::tracing {
namespace {

constexpr int kMostLines = 20;  // before and behind
constexpr std::string_view kSeparators = ";{}";

// Some lines of a file as one text, a space for each end of line; `plain` has literals masked.
struct Lines {
  int first = 0;
  std::string text, plain;
  std::vector<std::size_t> ends;

  void add(const SourceLine& where) {
    std::string line = source_text(where), mask = masked(line);
    if (mask.starts_with("#")) mask = ";";  // the preprocessor's own
    line.resize(mask.size());
    text += line + " ";
    plain += mask + " ";
    ends.push_back(text.size());
  }
};

// Where the brace begins that ends at `close`; npos if it is not here.
std::size_t opening(const std::string& text, std::size_t close) {
  int depth = 0;
  for (std::size_t i = close + 1; i-- > 0;) {
    depth += text[i] == '}' ? 1 : text[i] == '{' ? -1 : 0;
    if (depth == 0) return i;
  }
  return std::string::npos;
}

// Whether what stands behind a closing brace goes on with the expression that the brace is in.
bool goes_on(const std::string& text, std::size_t behind) {
  const std::size_t next = text.find_first_not_of(' ', behind);
  return next != std::string::npos &&
         std::string_view(",).(?:+-*/=&|").find(text[next]) != std::string_view::npos;
}

// Where the statement begins that `at` is in; bodies on the way are blanked.
std::size_t begin_of(Lines& lines, std::size_t at) {
  int depth = 0;
  for (std::size_t i = at; i-- > 0;) {
    const char c = lines.plain[i];
    if (c == '}' && goes_on(lines.plain, i + 1)) {
      const std::size_t open = opening(lines.plain, i);
      if (open == std::string::npos) return i + 1;
      std::fill(lines.text.begin() + long(open), lines.text.begin() + long(i) + 1, ' ');
      std::fill(lines.plain.begin() + long(open), lines.plain.begin() + long(i) + 1, ' ');
      i = open;
    } else if (c == '{' || c == '}' || (c == ';' && depth == 0)) {
      return i + 1;
    }
    if (c == ')' || c == ']') ++depth;
    if (c == '(' || c == '[') depth = std::max(0, depth - 1);
  }
  return 0;
}

}  // namespace

Statement statement_at(const SourceLine& where) {
  Lines lines;
  lines.first = std::max(1, where.line - kMostLines);
  for (int i = lines.first; i < where.line; ++i) lines.add({where.file, i});
  const std::size_t line = lines.text.size();
  lines.add({where.file, where.line});
  const std::size_t line_end = lines.text.size();
  for (int i = 1; i <= kMostLines; ++i) lines.add({where.file, where.line + i});

  const std::size_t first_end = std::min(lines.plain.find_first_of(kSeparators, line), line_end);
  std::size_t begin = begin_of(lines, first_end);
  std::size_t end = line_end;
  const std::size_t last = lines.plain.find_last_not_of(' ', line_end - 1);
  const bool ended = last == std::string::npos || last < line ||
                     kSeparators.find(lines.plain[last]) != std::string_view::npos;
  if (!ended) end = std::min(lines.plain.find_first_of(kSeparators, line_end), lines.plain.size());
  begin = std::min(lines.text.find_first_not_of(' ', begin), line_end);
  end = std::max(lines.text.find_last_not_of(' ', end - 1) + 1, begin);

  Statement all{lines.first, lines.text.substr(begin, end - begin), {}};
  for (const std::size_t line_ends : lines.ends) {
    if (line_ends <= begin) ++all.first;
    if (line_ends > begin) all.ends.push_back(line_ends - begin);
  }
  return all;
}

int line_of_target(const Statement& statement, const std::string& target, const SourceLine& where) {
  const std::string text = masked(statement.text);
  int found = 0;
  for (std::size_t at = text.find(target); at != std::string::npos && !target.empty();
       at = text.find(target, at + 1)) {
    const std::string before = text.substr(0, at), behind = text.substr(at + target.size());
    static const auto& assigned = lasting<std::regex>(R"(\s*(?:[-+*/%&|^]?=[^=].*|\[.*))");
    static const auto& listed = lasting<std::regex>(R"(.*\b(?:tie|swap|exchange)\s*\([^()]*)");
    const bool whole = !std::regex_match(before, std::regex(R"(.*[\w.>])")) &&
                       !std::regex_match(behind, std::regex(R"([\w.].*)"));
    if (!whole || !(std::regex_match(behind, assigned) || std::regex_match(before, listed)))
      continue;
    const auto line = std::upper_bound(statement.ends.begin(), statement.ends.end(), at);
    const int number = statement.first + int(line - statement.ends.begin());
    if (found != 0 && found != number) return where.line;
    found = number;
  }
  return found == 0 ? where.line : found;
}

}  // namespace nodec::tracing
