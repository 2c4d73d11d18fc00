// What a MODEL on the command line is: a registered model's name, a file of IR text, or "-".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace nodec {

std::vector<std::string> model_names();

// Error when there is no such model, or the text is not IR.
std::unique_ptr<Graph> load_model(const std::string& name);

}  // namespace nodec
