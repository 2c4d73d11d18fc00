// Models by name: a program or a library registers them, `nodec` and tests look at them.
//
//   NODEC_MODEL("pendulum") {
//     return nodec::trace("pendulum", {{"length", nodec::f64()}}, swing);
//   }
//
// A library made with CMake's nodec_add_models(target sources...) is opened by the command line as
// libtarget.so:pendulum. A program crosses as IR text with its lines and layers, and what stopped
// its trace as findings_text, so library and tool need share nothing but the three functions below.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/trace/trace.h"

namespace nodec {

using ModelFunction = Traced (*)();

// Registers a model for as long as the program runs.
class RegisteredModel {
 public:
  RegisteredModel(std::string name, ModelFunction trace);
};

std::vector<std::string> registered_models();
// Error when no model has the name, or two have it.
Traced trace_registered(std::string_view name);

}  // namespace nodec

#define NODEC_JOIN_(a, b) a##b
#define NODEC_JOIN(a, b) NODEC_JOIN_(a, b)
#define NODEC_MODEL(name)                                                        \
  static ::nodec::Traced NODEC_JOIN(nodec_model_at_, __LINE__)();                \
  static const ::nodec::RegisteredModel NODEC_JOIN(nodec_registered_, __LINE__)( \
      name, &NODEC_JOIN(nodec_model_at_, __LINE__));                             \
  static ::nodec::Traced NODEC_JOIN(nodec_model_at_, __LINE__)()

// What a library of models offers to the command line; `take` is given the bytes of one text.
extern "C" {
using nodec_take = void (*)(void* to, const char* bytes, std::size_t count);
__attribute__((visibility("default"))) int nodec_models_version();
// The names, a line each.
__attribute__((visibility("default"))) void nodec_models_list(nodec_take take, void* to);
// Returns a nodec_models_result, which says what the text is.
enum nodec_models_result { nodec_models_ir, nodec_models_error, nodec_models_findings };
__attribute__((visibility("default"))) int nodec_models_trace(const char* name, nodec_take take,
                                                              void* to);
}
