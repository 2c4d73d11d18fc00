// SIGINT and SIGTERM as a question that a loop asks: finish the batch, save, say how to go on. For
// programs; the library itself never touches signals.
#pragma once

#include <memory>

namespace nodec::nn {

class StopOnSignal {
 public:
  StopOnSignal();   // from now on these signals are noted; a second one ends the process
  ~StopOnSignal();  // as it was before; one inside of another hears and tells the same
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  int signal() const;  // the one that came, or 0
  bool asked() const { return signal() != 0; }

 private:
  struct Before;  // the handlers found
  std::unique_ptr<Before> before_;
};

}  // namespace nodec::nn
