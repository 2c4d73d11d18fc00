// What a person who watches a training sees: a bar that moves on a terminal, nothing elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace nodec::nn {

class Progress {
 public:
  // `fd` is where the bar goes; it stays silent unless that is a terminal.
  explicit Progress(int fd);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Redraws at most twenty times a second: batches a second, the time that is left, the loss.
  void show(const std::string& title, std::int64_t done, std::int64_t total, double loss);
  void clear();

 private:
  int fd_;
  bool terminal_;
  bool shown_ = false;
  std::int64_t first_ = 0;  // what was done when this bar began, and when that was
  std::int64_t last_ = 0;
  std::chrono::steady_clock::time_point began_{}, next_{};
};

// What is shown on a terminal of so many columns: words are cut short before the bar is, and what
// does not fit then is left out, from the right.
// `rate`: batches a second, or 0 where it is not known yet.
std::string progress_line(const std::string& title, std::int64_t done, std::int64_t total,
                          double rate, double loss, int columns);

// "#####-----": `width` cells, the first done/total of them filled.
std::string bar(std::int64_t done, std::int64_t total, int width);

}  // namespace nodec::nn
