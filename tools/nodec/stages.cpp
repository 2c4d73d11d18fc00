// Stage names.
#include "tools/nodec/stages.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "compiler/pipeline.h"
#include "ir/nearest.h"
#include "tools/nodec/verb.h"

namespace nodec {

std::string stage_list() { return fmt::format("{}", fmt::join(stage_names(), ", ")); }

bool is_graph_stage(std::string_view name) {
  const auto stages = graph_stages();
  return std::any_of(stages.begin(), stages.end(),
                     [&](const Stage& stage) { return stage.name == name; });
}

void require_stage(const std::string& name) {
  const std::vector<std::string> names = stage_names();
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  throw UsageError(fmt::format("there is no stage '{}': stages are {}", name, stage_list()), {},
                   suggestion(name, names, "`nodec dump --help` says what it takes"));
}

}  // namespace nodec
