// A line redrawn in place with a carriage return and erased before anything else is printed.
#include "compiler/train/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace nodec::nn {
namespace {

void put(int fd, const std::string& text) {
  // A bar that cannot be drawn is no reason to stop training.
  [[maybe_unused]] const ssize_t written = write(fd, text.data(), text.size());
}

int columns_of(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string time_left(double seconds) {
  const auto whole = std::int64_t(seconds + 0.5);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

}  // namespace

std::string bar(std::int64_t done, std::int64_t total, int width) {
  const auto full = static_cast<std::size_t>(done * width / total);
  return std::string(full, '#') + std::string(static_cast<std::size_t>(width) - full, '-');
}

std::string progress_line(const std::string& title, std::int64_t done, std::int64_t total,
                          double rate, double loss, int columns) {
  const std::string front = title + " ", behind = fmt::format(" {}/{}", done, total);
  std::vector<std::string> more;
  if (rate > 0) {
    more.push_back(fmt::format("  {} left", time_left(double(total - done) / rate)));
    more.push_back(fmt::format("  {:.0f}/s", rate));
  }
  more.insert(more.begin() + (more.empty() ? 0 : 1), fmt::format("  loss {:.4f}", loss));
  constexpr int kLeast = 10, kMost = 30;
  int left = columns - 1 - int(front.size() + behind.size());
  std::string words;
  for (const std::string& word : more) {
    if (left - int(word.size()) < kLeast) break;
    words += word;
    left -= int(word.size());
  }
  if (left < kLeast) return (front + behind).substr(0, std::size_t(std::max(columns - 1, 0)));
  return front + bar(done, total, std::min(left, kMost)) + behind + words;
}

Progress::Progress(int fd) : fd_(fd), terminal_(isatty(fd) == 1) {}

Progress::~Progress() { clear(); }

void Progress::show(const std::string& title, std::int64_t done, std::int64_t total, double loss) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (done <= last_ || last_ == 0) {
    began_ = now;
    first_ = done;
  }
  last_ = done;
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(50);
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const double rate = done > first_ && seconds > 0 ? double(done - first_) / seconds : 0;
  put(fd_, "\r\x1b[K" + progress_line(title, done, total, rate, loss, columns_of(fd_)));
  shown_ = true;
}

void Progress::clear() {
  if (shown_) put(fd_, "\r\x1b[K");
  shown_ = false;
}

}  // namespace nodec::nn
