// What a person watching the training sees: a bar that moves on a terminal, nothing elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace nodec::mnist {

class Progress {
 public:
  // `fd` is where the bar goes; it stays silent unless that is a terminal.
  explicit Progress(int fd);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Redraws at most twenty times a second.
  void show(const std::string& title, std::int64_t done, std::int64_t total);
  void clear();

 private:
  int fd_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_{};
};

// "#####-----": `width` cells, the first done/total of them filled.
std::string bar(std::int64_t done, std::int64_t total, int width);

}  // namespace nodec::mnist
