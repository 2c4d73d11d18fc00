// Signals as a question: noted, told to whoever asks, and the handlers left as they were found.
#include "compiler/train/stop_on_signal.h"

#include <doctest/doctest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction

namespace nodec::nn {
namespace {

void found(int) {}

auto handler_now() {
  struct sigaction now = {};
  sigaction(SIGTERM, nullptr, &now);
  return now.sa_handler;
}

}  // namespace

TEST_CASE("each leaves the handler that it found") {
  struct sigaction mine = {}, before = {};
  mine.sa_handler = found;
  sigaction(SIGTERM, &mine, &before);
  {
    const StopOnSignal outer;
    const auto notes = handler_now();
    CHECK((notes != found));
    {
      const StopOnSignal inner;
      CHECK_FALSE(inner.asked());
      raise(SIGTERM);
      CHECK(inner.signal() == SIGTERM);
    }
    CHECK((handler_now() == notes));
    CHECK(outer.signal() == SIGTERM);
    const StopOnSignal later;
    CHECK(later.asked());
  }
  CHECK((handler_now() == found));
  CHECK_FALSE(StopOnSignal().asked());
  sigaction(SIGTERM, &before, nullptr);
}

}  // namespace nodec::nn
