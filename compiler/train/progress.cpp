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
  const auto full = std::size_t(done * width / total);
  return std::string(full, '#') + std::string(std::size_t(width) - full, '-');
}

// What is told behind the counts, the most wanted first.
std::vector<std::string> further_words(std::int64_t left, double rate, double loss, bool brief) {
  const auto word = [&](const char* whole, const char* short_form, const auto& value) {
    return fmt::format(fmt::runtime(brief ? short_form : whole), value);
  };
  std::vector<std::string> words;
  if (rate > 0) words.push_back(word("  {} left", " {}", time_left(double(left) / rate)));
  words.push_back(word("  loss {:.4f}", " {:.4f}", loss));
  if (rate > 0) words.push_back(word("  {:.0f}/s", " {:.0f}/s", rate));
  return words;
}

std::string progress_line(const std::string& title, std::int64_t done, std::int64_t total,
                          double rate, double loss, int columns) {
  constexpr int kLeast = 10, kLeastBeforeBriefWords = 5, kMost = 30;
  const std::string front = title + " ", behind = fmt::format(" {}/{}", done, total);
  const int room = columns - 1 - int(front.size() + behind.size());
  const auto size_of = [](const std::vector<std::string>& words) {
    return int(fmt::format("{}", fmt::join(words, "")).size());
  };
  const bool brief = room - size_of(further_words(total - done, rate, loss, false)) < kLeast;
  const int least = brief ? kLeastBeforeBriefWords : kLeast;
  int left = room;
  std::string words;
  for (const std::string& word : further_words(total - done, rate, loss, brief)) {
    if (left - int(word.size()) < least) break;
    words += word;
    left -= int(word.size());
  }
  if (left < least) return (front + behind).substr(0, std::size_t(std::max(columns - 1, 0)));
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
