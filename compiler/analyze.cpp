// Analysis and compilation of traced programs, which know more about lines than their graphs.
#include "compiler/analyze.h"

#include "compiler/trace/locate.h"

namespace nodec {

std::vector<Finding> analyze(const Traced& traced, const AnalyzeOptions& options) {
  std::vector<Finding> findings = analyze(*traced.graph, options);
  if (findings.empty()) return findings;
  locate_stores(traced);
  return analyze(*traced.graph, options);
}

std::vector<Finding> all_findings(const Unstable& stopped) {
  std::vector<Finding> findings = stopped.findings();
  if (const auto* trace = dynamic_cast<const Untraceable*>(&stopped)) {
    for (Finding& finding : analyze(trace->program(), {.unfinished = trace->stopped()})) {
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

Program compile(const Traced& traced, const CompileOptions& options) {
  try {
    return compile(*traced.graph, options);
  } catch (const Unstable&) {
    locate_stores(traced);
    return compile(*traced.graph, options);
  }
}

}  // namespace nodec
