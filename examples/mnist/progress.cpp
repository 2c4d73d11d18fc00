// A line redrawn in place with a carriage return and erased before anything else is printed.
#include "examples/mnist/progress.h"

#include <fmt/format.h>
#include <unistd.h>

namespace nodec::mnist {
namespace {

void put(int fd, const std::string& text) {
  // A bar that cannot be drawn is no reason to stop training.
  [[maybe_unused]] const ssize_t written = write(fd, text.data(), text.size());
}

}  // namespace

std::string bar(std::int64_t done, std::int64_t total, int width) {
  const auto full = static_cast<std::size_t>(done * width / total);
  return std::string(full, '#') + std::string(static_cast<std::size_t>(width) - full, '-');
}

Progress::Progress(int fd) : fd_(fd), terminal_(isatty(fd) == 1) {}

Progress::~Progress() { clear(); }

void Progress::show(const std::string& title, std::int64_t done, std::int64_t total) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(50);
  put(fd_, fmt::format("\r\x1b[K{} {} {}/{}", title, bar(done, total, 30), done, total));
  shown_ = true;
}

void Progress::clear() {
  if (shown_) put(fd_, "\r\x1b[K");
  shown_ = false;
}

}  // namespace nodec::mnist
