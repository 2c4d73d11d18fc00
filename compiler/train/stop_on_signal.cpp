// Handlers that note a signal, and give way to the default at a second one.
#include "compiler/train/stop_on_signal.h"

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction

namespace nodec::nn {
namespace {

volatile sig_atomic_t came = 0;
int living = 0;

}  // namespace

struct StopOnSignal::Before {
  struct sigaction on_int, on_term;
};

StopOnSignal::StopOnSignal() : before_(std::make_unique<Before>()) {
  if (living++ == 0) came = 0;
  struct sigaction note = {};
  note.sa_handler = [](int signal) { came = signal; };
  note.sa_flags = SA_RESTART | SA_RESETHAND;
  sigemptyset(&note.sa_mask);
  sigaction(SIGINT, &note, &before_->on_int);
  sigaction(SIGTERM, &note, &before_->on_term);
}

StopOnSignal::~StopOnSignal() {
  --living;
  sigaction(SIGINT, &before_->on_int, nullptr);
  sigaction(SIGTERM, &before_->on_term, nullptr);
}

int StopOnSignal::signal() const { return came; }

}  // namespace nodec::nn
