// The type-stability gate as checks of a doctest suite:
//
//   TEST_CASE("the model is type-stable") {
//     CHECK_TYPE_STABLE("model", inputs, model);
//     CHECK_TYPE_STABLE(nodec::trace("model", inputs, model));  // or findings
//   }
//   NODEC_CHECK_MODELS();   // at file scope: a test case over everything NODEC_MODEL registered
//
// A failing check shows the report that `nodec types` prints. Include it after doctest.h.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "compiler/analyze.h"
#include "compiler/model.h"
#include "ir/report.h"

namespace nodec::testing {

inline std::vector<Finding> findings_of(std::vector<Finding> findings) { return findings; }
inline std::vector<Finding> findings_of(const Traced& traced) { return analyze(traced); }
template <class F>
std::vector<Finding> findings_of(std::string name, const std::vector<Input>& inputs, F&& f,
                                 std::string batch = {}) {
  return analyze(std::move(name), inputs, f, std::move(batch));
}

}  // namespace nodec::testing

#define NODEC_CHECK_FINDINGS_(...)                                       \
  do {                                                                   \
    const std::vector<::nodec::Finding> nodec_findings_ = (__VA_ARGS__); \
    INFO(::nodec::report(nodec_findings_));                              \
    CHECK(nodec_findings_.empty());                                      \
  } while (false)

#define CHECK_TYPE_STABLE(...) NODEC_CHECK_FINDINGS_(::nodec::testing::findings_of(__VA_ARGS__))

#define NODEC_CHECK_MODELS()                                                          \
  TEST_CASE("every registered model is type-stable") {                                \
    for (const std::string& nodec_model_ : ::nodec::registered_models()) {            \
      INFO("model: " << nodec_model_);                                                \
      NODEC_CHECK_FINDINGS_(                                                          \
          ::nodec::analyze([&] { return ::nodec::trace_registered(nodec_model_); })); \
    }                                                                                 \
  }                                                                                   \
  static_assert(true)
