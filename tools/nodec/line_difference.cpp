// The shortest edit of one text into another: E. Myers, "An O(ND) difference algorithm and its
// variations" (1986), the greedy form.
//
// x lines of the one text and y of the other are edited when diagonal k = x - y is reached at x.
// reached[k] is the furthest x on each diagonal after d edits; from d to d + 1 an edit steps to a
// neighbouring diagonal, and equal lines then cost nothing. Invariant: after d edits the diagonals
// -d, -d + 2, ... d are known. What they were is kept for each d, to walk the path back; past
// kMostEdits that costs more than a reader has of it, and all of the middle is one hunk.
#include "tools/nodec/line_difference.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <unordered_map>

namespace nodec {
namespace {

constexpr int kMostEdits = 1000;

using Lines = std::vector<std::string>;

// Which lines of either text the other has not.
struct Edits {
  std::vector<bool> here, there;
};

class Myers {
 public:
  // The texts without `head` lines at their beginning and `tail` at their end, equal in both.
  Myers(const Lines& here, const Lines& there, std::size_t head, std::size_t tail)
      : a_(here.data() + head),
        b_(there.data() + head),
        n_(int(here.size() - head - tail)),
        m_(int(there.size() - head - tail)) {}

  // False: more than kMostEdits.
  bool run() {
    reached_.assign(2 * kMostEdits + 3, 0);
    for (int edits = 0; edits <= std::min(n_ + m_, kMostEdits); ++edits) {
      history_.push_back(reached_);
      if (extend(edits)) return true;
    }
    return false;
  }

  // Walks back from both ends; `head` is where the middle begins.
  void mark(Edits& edits, std::size_t head) const {
    int x = n_, y = m_;
    for (int d = int(history_.size()) - 1; d > 0; --d) {
      const std::vector<int>& before = history_[std::size_t(d)];
      const int k = x - y;
      const bool down = steps_down(before, d, k);
      const int from = down ? k + 1 : k - 1;
      x = before[index(from)];
      y = x - from;
      (down ? edits.there[head + std::size_t(y)] : edits.here[head + std::size_t(x)]) = true;
    }
  }

 private:
  static std::size_t index(int k) { return std::size_t(k + kMostEdits + 1); }
  static bool steps_down(const std::vector<int>& reached, int d, int k) {
    return k == -d || (k != d && reached[index(k - 1)] < reached[index(k + 1)]);
  }

  bool extend(int d) {
    for (int k = -d; k <= d; k += 2) {
      int x = steps_down(reached_, d, k) ? reached_[index(k + 1)] : reached_[index(k - 1)] + 1;
      while (x < n_ && x - k < m_ && a_[x] == b_[x - k]) ++x;
      reached_[index(k)] = x;
      if (x >= n_ && x - k >= m_) return true;
    }
    return false;
  }

  const std::string *a_, *b_;
  int n_, m_;
  std::vector<int> reached_;
  std::vector<std::vector<int>> history_;
};

std::vector<Hunk> hunks_of(const Edits& edits) {
  std::vector<Hunk> hunks;
  const std::size_t here = edits.here.size(), there = edits.there.size();
  std::size_t i = 0, j = 0;
  while (i < here || j < there) {
    Hunk hunk{i, j};
    while (i < here && edits.here[i]) ++i;
    while (j < there && edits.there[j]) ++j;
    hunk.here_count = i - hunk.here;
    hunk.there_count = j - hunk.there;
    if (hunk.lines() > 0) hunks.push_back(hunk);
    if (i < here) ++i;
    if (j < there) ++j;
  }
  return hunks;
}

Lines without_numbers(Lines lines) {
  for (std::string& line : lines) {
    std::string kept;
    bool number = false;
    for (const char c : line) {
      const bool starts = c == '%' || c == '#';  // %12, %x#2
      number = starts || (number && c >= '0' && c <= '9');
      if (!number || starts) kept += c;
    }
    line = std::move(kept);
  }
  return lines;
}

}  // namespace

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::size_t line_count(const std::vector<Hunk>& hunks) {
  std::size_t count = 0;
  for (const Hunk& hunk : hunks) count += hunk.lines();
  return count;
}

std::size_t unshared_lines(const Lines& here, const Lines& there) {
  std::unordered_map<std::string, std::int64_t> surplus;
  for (std::string& line : without_numbers(here)) ++surplus[std::move(line)];
  for (std::string& line : without_numbers(there)) --surplus[std::move(line)];
  std::size_t count = 0;
  for (const auto& [line, times] : surplus) count += std::size_t(std::abs(times));
  return count;
}

std::vector<Hunk> line_difference(const Lines& here, const Lines& there) {
  const std::size_t shorter = std::min(here.size(), there.size());
  std::size_t head = 0, tail = 0;
  while (head < shorter && here[head] == there[head]) ++head;
  while (tail < shorter - head && here.rbegin()[tail] == there.rbegin()[tail]) ++tail;
  Edits edits{std::vector<bool>(here.size()), std::vector<bool>(there.size())};
  Myers myers(here, there, head, tail);
  if (myers.run()) {
    myers.mark(edits, head);
  } else {
    std::fill(edits.here.begin() + head, edits.here.end() - tail, true);
    std::fill(edits.there.begin() + head, edits.there.end() - tail, true);
  }
  return hunks_of(edits);
}

std::vector<Hunk> program_difference(const Lines& here, const Lines& there) {
  const std::vector<Hunk> hunks = line_difference(without_numbers(here), without_numbers(there));
  return hunks.empty() ? line_difference(here, there) : hunks;
}

}  // namespace nodec
