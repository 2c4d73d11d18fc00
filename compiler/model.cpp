// The table of registered models, and its C interface.
#include "compiler/model.h"

#include <fmt/ranges.h>

#include "compiler/analyze.h"
#include "compiler/findings_text.h"
#include "compiler/trace/locate.h"
#include "ir/lasting.h"
#include "ir/nearest.h"
#include "ir/print.h"

namespace nodec {
namespace {

struct Entry {
  std::string name;
  ModelFunction trace;
};

// Made at its first use: registrations run before main, in any order.
std::vector<Entry>& entries() {
  static auto& all = lasting<std::vector<Entry>>();
  return all;
}

Error threw_no_exception(const char* model) {
  return Error(fmt::format("model '{}' threw what is no std::exception", model), {},
               "throw a std::exception: its text is shown here");
}

}  // namespace

RegisteredModel::RegisteredModel(std::string name, ModelFunction trace) {
  entries().push_back({std::move(name), trace});
}

std::vector<std::string> registered_models() {
  std::vector<std::string> names;
  for (const Entry& entry : entries()) names.push_back(entry.name);
  return names;
}

Traced trace_registered(std::string_view name) {
  ModelFunction trace = nullptr;
  for (const Entry& entry : entries()) {
    if (entry.name != name) continue;
    if (trace != nullptr) {
      throw Error(fmt::format("two models are named '{}'", name), {},
                  "give each NODEC_MODEL a name of its own");
    }
    trace = entry.trace;
  }
  if (trace != nullptr) {
    Traced traced = trace();
    locate_stores(traced);
    return traced;
  }
  throw Error(fmt::format("there is no model '{}'", name), {},
              entries().empty() ? "register one with NODEC_MODEL"
                                : suggestion_or_all(name, registered_models(), "the models are"));
}

}  // namespace nodec

int nodec_models_version() { return 2; }

void nodec_models_list(nodec_take take, void* to) {
  const std::string text = fmt::format("{}", fmt::join(nodec::registered_models(), "\n"));
  take(to, text.data(), text.size());
}

int nodec_models_trace(const char* name, nodec_take take, void* to) {
  std::string text;
  nodec_models_result result = nodec_models_ir;
  try {
    text = print(*nodec::trace_registered(name).graph, {.locations = true});
  } catch (const nodec::Unstable& refused) {
    text = nodec::findings_text(nodec::all_findings(refused));
    result = nodec_models_findings;
  } catch (const std::exception& error) {  // none may cross into another library's code
    text = nodec::error_text(error);
    result = nodec_models_error;
  } catch (...) {
    text = nodec::threw_no_exception(name).what();
    result = nodec_models_error;
  }
  take(to, text.data(), text.size());
  return result;
}
