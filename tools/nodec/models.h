// What a MODEL on the command line is: a registered model's name, a library's model, a file of IR
// text, or "-".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace nodec {

std::vector<std::string> model_names();
// The models of a library made with nodec_add_models.
std::vector<std::string> library_model_names(const std::string& library);

// InputError when there is no such model, or the text is not IR.
std::shared_ptr<Graph> load_model(const std::string& name);

// Whether loading the name runs C++ code that traces, so that a second time may differ.
bool is_traced_by_name(const std::string& name);

}  // namespace nodec
