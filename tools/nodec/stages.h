// The pipeline's stages by name, for the command line.
#pragma once

#include <string>
#include <string_view>

namespace nodec {

std::string stage_list();  // for people
// Whether the program is still IR after it.
bool is_graph_stage(std::string_view name);
// UsageError with a suggestion when there is no such stage.
void require_stage(const std::string& name);

}  // namespace nodec
