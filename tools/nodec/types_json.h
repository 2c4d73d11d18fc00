// `nodec types` for programs: the JSON contract (design, section 6) and SARIF 2.1.0.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "compiler/infer/infer.h"
#include "ir/finding.h"
#include "ir/graph.h"
#include "tools/nodec/retrace.h"

namespace nodec {

// One object: `model`, `types` (arguments, results and values of every body; without proof `type`
// alone), `findings`; `retrace` where there are differences, `not_differentiated` where that was
// asked for in vain.
std::string types_json(std::string_view model, const Graph& graph, const Inference& inference,
                       std::span<const Finding> findings, bool prove,
                       std::span<const Difference> differences,
                       std::string_view not_differentiated = {});

// A log with one run: every finding code as a rule, each finding as a result; behind them one rule
// for ops that a second trace has differently.
std::string types_sarif(std::string_view model, std::span<const Finding> findings,
                        std::span<const Difference> differences = {});

}  // namespace nodec
