// The search for a choice's jumps along lines.
#include "compiler/infer/jumps.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "compiler/infer/choice.h"

namespace nodec {
namespace {

constexpr int kLines = 64, kPoints = 256;  // drawn, and looked at on each
constexpr int kCoarse = 20, kFine = 40;    // halvings of an interval between two points
constexpr int kTurnsOfInterval = 4;        // that are told apart
constexpr int kElements = 3;               // of a tensor that is reduced

class Search {
 public:
  // `steps`: where a point has them.
  Search(const Choice& choice, std::vector<int> steps)
      : choice_(choice), steps_(std::move(steps)) {}

  // Whether the choice jumps wherever there are turns on a line; none where no line has any.
  std::optional<bool> jumps(bool positive) const {
    philox::Sequence words(0, philox::kElements);
    int met = 0, jumped = 0;
    for (int i = 0; i < kLines; ++i) {
      const std::optional<bool> jumps = along(choice_.draw(words, positive));
      met += jumps.has_value() ? 1 : 0;
      jumped += jumps.value_or(false) ? 1 : 0;
    }
    if (met < 4) return std::nullopt;
    return 40 * (met - jumped) <= met;  // one in 40 may be an accident
  }

 private:
  using Point = Choice::Point;

  std::optional<bool> along(const Choice::Line& line) const {
    std::optional<bool> jumps;
    Point last = choice_.at(line, 0);
    for (int i = 1; i <= kPoints; ++i) {
      Point next = choice_.at(line, double(i) / kPoints);
      double begin = double(i - 1) / kPoints;
      for (int turn = 0; turn < kTurnsOfInterval && !same(last, next); ++turn) {
        const std::optional<bool> here = at_turn(line, begin, double(i) / kPoints, last);
        if (here) jumps = jumps.value_or(false) || *here;
      }
      last = std::move(next);
    }
    return jumps;
  }

  // Goes to the other side of the first turn behind `begin`, where `last` is, that halving finds.
  std::optional<bool> at_turn(const Choice::Line& line, double& begin, double end,
                              Point& last) const {
    Point low = last, high = choice_.at(line, end), coarse;
    double from = begin, to = end;
    for (int i = 0; i < kFine; ++i) {
      if (i == kCoarse) coarse = differences(low, high);
      const double middle = (from + to) / 2;
      Point values = choice_.at(line, middle);
      const bool before = same(values, low);
      (before ? low : high) = std::move(values);
      (before ? from : to) = middle;
    }
    begin = to, last = high;
    const Point fine = differences(low, high);
    bool jumps = false;
    for (std::size_t e = 0; e < fine.size(); ++e) {
      if (!std::isfinite(coarse[e]) || !std::isfinite(fine[e])) return std::nullopt;
      const double left = std::abs(*(low.end() - 1 - long(e)));
      const double right = std::abs(*(high.end() - 1 - long(e)));
      const bool much = fine[e] > 1e-6 * std::max(left, right);
      const bool rounding = !(fine[e] > 1e-9 * std::min(largest(low), largest(high)));
      jumps = jumps || (much && !rounding && fine[e] > 0.9 * coarse[e]);
    }
    return jumps;
  }

  bool same(const Point& a, const Point& b) const {
    return std::all_of(steps_.begin(), steps_.end(), [&](int step) {
      const auto begin = a.begin() + step;
      return std::equal(begin, begin + long(choice_.elements()), b.begin() + step);
    });
  }
  // Of the choice's elements, the last one first.
  Point differences(const Point& a, const Point& b) const {
    Point out;
    for (std::size_t e = 1; e <= choice_.elements(); ++e) {
      out.push_back(std::abs(a[a.size() - e] - b[b.size() - e]));
    }
    return out;
  }
  static double largest(const Point& values) {
    double most = 0;
    for (const double value : values) most = std::max(most, std::abs(value));
    return most;
  }

  const Choice& choice_;
  std::vector<int> steps_;
};

}  // namespace

bool seen_to_jump(const Value& value, const std::set<const Op*>& steps) {
  for (const int elements : {1, kElements}) {
    const Choice choice(value, elements);
    if (!choice.known()) continue;
    std::vector<int> places;
    for (const Op* step : steps) {
      if (const int place = choice.place_of(*step); place >= 0) places.push_back(place);
    }
    if (places.empty()) return false;
    const Search search(choice, places);
    const std::optional<bool> jumps = search.jumps(true);
    return jumps ? *jumps : search.jumps(false).value_or(false);
  }
  return false;
}

}  // namespace nodec
