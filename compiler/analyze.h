// The type-stability gate as a call: what `nodec types` finds, as data, for a program that embeds
// nodec. ir/report.h words findings; compiler/doctest.h makes them a check of a test suite.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/pipeline.h"
#include "compiler/trace/trace.h"

namespace nodec {

// Assignments' lines are looked up only when there is something to report.
std::vector<Finding> analyze(const Traced& traced, const AnalyzeOptions& options = {});

// What stopped a trace, with what its program shows besides.
std::vector<Finding> all_findings(const Unstable& stopped);

// Traces f, as trace() does, and analyses it. What stops the trace itself is a finding, too.
template <class F>
std::vector<Finding> analyze(std::string name, const std::vector<Input>& inputs, F&& f,
                             std::string batch = {}, Here where = Here::current()) {
  try {
    return analyze(trace(std::move(name), inputs, f, std::move(batch), where));
  } catch (const Unstable& stopped) {
    return all_findings(stopped);
  }
}

// A refusal names the lines of assignments.
Program compile(const Traced& traced, const CompileOptions& options = {});

}  // namespace nodec
