// The type-stability gate as a call: what `nodec types` finds, as data, for a program that embeds
// nodec. ir/report.h words findings; compiler/doctest.h makes them a check of a test suite.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "compiler/pipeline.h"
#include "compiler/trace/trace.h"

namespace nodec {

// Assignments' lines are looked up only when there is something to report.
std::vector<Finding> analyze(const Traced& traced, const AnalyzeOptions& options = {});

// What stopped a trace, with what its program shows besides.
std::vector<Finding> all_findings(const Unstable& stopped);

// Analyses what `make` traces. What stops the trace itself is a finding, too.
template <class Make>
requires std::is_invocable_r_v<Traced, Make&> std::vector<Finding> analyze(Make&& make) {
  try {
    return analyze(make());
  } catch (const Unstable& stopped) {
    return all_findings(stopped);
  }
}

// Traces f, as trace() does, and analyses it.
template <class F>
std::vector<Finding> analyze(std::string name, const std::vector<Input>& inputs, F&& f,
                             std::string batch = {}, Here where = Here::current()) {
  return analyze([&] { return trace(std::move(name), inputs, f, std::move(batch), where); });
}

// A refusal names the lines of assignments.
Program compile(const Traced& traced, const CompileOptions& options = {});

}  // namespace nodec
