// What a run reports, into the outcome: that it stops, where and why, and what it tells on its way.
#pragma once

#include <cstddef>
#include <optional>

#include "compiler/codegen/writing.h"

namespace nodec::codegen {

class Reports {
 public:
  explicit Reports(Writing& writing) : w_(writing) {}

  // Where a function of the team being written says that the run has stopped.
  std::optional<Code> answer;

  // Every member leaves the function, and all that called it.
  void leave_if(Code stops);
  // The same, and the first one says why.
  void stop_if(Code stops, Code status, const std::optional<plan::Progress>& progress);
  void fail_if(const plan::FailIf& n);
  void tell(const plan::Tell& n);

 private:
  void put(std::size_t offset, Dtype dtype, Code value);  // into the outcome
  void tell_solved(const plan::Tell& n);
  void tell_not_finite(const plan::Tell& n);

  Writing& w_;
};

}  // namespace nodec::codegen
