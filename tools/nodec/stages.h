// The pipeline's stages by name, for the command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nodec {

// Each once, in order: trace ... expand, lower, codegen, assembly.
std::vector<std::string> stage_names();
std::string stage_list();
// Whether the program is still IR after it.
bool is_graph_stage(std::string_view name);
// UsageError with a suggestion when there is no such stage.
void require_stage(const std::string& name);

}  // namespace nodec
