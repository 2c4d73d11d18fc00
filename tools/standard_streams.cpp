// Descriptors 0 to 2, and what ends a write to them.
#include "tools/standard_streams.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "ir/error.h"

namespace nodec {

void guard_standard_streams() {
  std::signal(SIGXFSZ, SIG_IGN);
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is this one; open for the way nobody uses it.
    const int taken = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    if (taken < 0) return;
  }
}

void print_out(std::string_view text) {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return;
  throw Error(fmt::format("cannot write to standard output: {}", std::strerror(errno)), {},
              "make room where it goes, or name another place");
}

}  // namespace nodec
