// Clocks of the programs whose lines `tools/bench` reads.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace nodec {

template <class F>
double milliseconds_of(const F& run) {
  const auto began = std::chrono::steady_clock::now();
  run();
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - began;
  return taken.count();
}

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

template <class F>
double median_milliseconds_of(const F& run) {
  std::vector<double> times;
  for (int i = 0; i < 15; ++i) times.push_back(milliseconds_of(run));
  return median(std::move(times));
}

// What each of two costs, and the second against the first.
struct Beside {
  double first_us = 0, second_us = 0, ratio = 0;
};

// Call by call in turn, so that other load meets both alike.
template <class F, class G>
Beside beside(const F& first, const G& second) {
  constexpr int kWarm = 3, kRounds = 15, kCalls = 60;
  std::vector<double> firsts, seconds, ratios;
  for (int round = -kWarm; round < kRounds; ++round) {
    std::vector<double> one, other;
    for (int i = 0; i < kCalls; ++i) {
      one.push_back(1e3 * milliseconds_of(first));
      other.push_back(1e3 * milliseconds_of(second));
    }
    if (round < 0) continue;
    firsts.push_back(median(std::move(one)));
    seconds.push_back(median(std::move(other)));
    ratios.push_back(seconds.back() / firsts.back());
  }
  return {median(std::move(firsts)), median(std::move(seconds)), median(std::move(ratios))};
}

}  // namespace nodec
