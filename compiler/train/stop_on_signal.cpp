// Handlers that note a signal, and give way to the default at a second one.
#include "compiler/train/stop_on_signal.h"

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction

namespace nodec::nn {
namespace {

volatile sig_atomic_t came = 0;
struct sigaction before_int, before_term;

}  // namespace

StopOnSignal::StopOnSignal() {
  came = 0;
  struct sigaction note = {};
  note.sa_handler = [](int signal) { came = signal; };
  note.sa_flags = SA_RESTART | SA_RESETHAND;
  sigemptyset(&note.sa_mask);
  sigaction(SIGINT, &note, &before_int);
  sigaction(SIGTERM, &note, &before_term);
}

StopOnSignal::~StopOnSignal() {
  sigaction(SIGINT, &before_int, nullptr);
  sigaction(SIGTERM, &before_term, nullptr);
}

int StopOnSignal::signal() const { return came; }

}  // namespace nodec::nn
