// Reads the processor's features and holds the request against them.
//
// The name LLVM gives the host can be wrong on virtual machines, so it is not used: code is
// scheduled for x86-64-v4 or -v3, whichever the features contain, and two machines with one feature
// string make the same code.
#include "compiler/codegen/llvm/cpu_target.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>

#include <charconv>
#include <cstdlib>
#include <set>
#include <vector>

#include "ir/error.h"
#include "ir/lasting.h"

namespace nodec {
namespace {

using Features = std::set<std::string, std::less<>>;

const Features& level_3() {
  static const auto& features = lasting<Features>(
      Features{"avx", "avx2", "bmi", "bmi2", "cx16", "f16c", "fma", "lzcnt", "movbe", "popcnt",
               "sahf", "sse3", "sse4.1", "sse4.2", "ssse3", "xsave"});
  return features;
}

Features with_avx512(Features features) {
  features.insert({"avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl", "evex512"});
  return features;
}

const Features& level_4() {
  static const auto& features = lasting<Features>(with_avx512(level_3()));
  return features;
}

Features host_features() {
  Features features;
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) {
    if (feature.second) features.insert(feature.first().str());
  }
  return features;
}

std::vector<std::string> missing(const Features& wanted, const Features& present) {
  std::vector<std::string> absent;
  for (const std::string& feature : wanted) {
    if (!present.contains(feature)) absent.push_back(feature);
  }
  return absent;
}

Features requested_features(std::string_view name, const Features& host) {
  if (name == "native") return host;
  if (name == "x86-64-v3") return level_3();
  if (name == "x86-64-v4") return level_4();
  if (name == "x86-64") return {"cx8", "fxsr", "sse", "sse2"};
  throw Error(fmt::format("unknown processor '{}'", name), {},
              "set NODEC_CPU to native, x86-64-v3 or x86-64-v4");
}

void require(const Features& features, std::string_view name) {
  if (!features.contains("fma")) {
    throw Error(fmt::format("processor '{}' lacks the feature fma", name), {},
                "programs need fused multiply-add: use x86-64-v3 or later (AVX2)");
  }
  if (const auto absent = missing(level_3(), features); !absent.empty()) {
    throw Error(fmt::format("processor '{}' lacks the features {}", name, fmt::join(absent, ", ")),
                {}, "code is made for x86-64-v3 or later");
  }
}

std::string joined(const Features& features) {
  std::string text;
  for (const std::string& feature : features) {
    text += (text.empty() ? "+" : ",+") + feature;
  }
  return text;
}

}  // namespace

CpuTarget cpu_target(std::string_view name, int lanes) {
  const Features host = host_features();
  const Features features = requested_features(name, host);
  require(features, name);
  if (const auto absent = missing(features, host); !absent.empty()) {
    throw Error(fmt::format("this machine lacks the feature{} {} of '{}'",
                            absent.size() == 1 ? "" : "s", fmt::join(absent, ", "), name),
                {}, "set NODEC_CPU to native");
  }
  const bool wide = features.contains("avx512f") && features.contains("avx512vl");
  if (lanes == 0) lanes = wide ? 16 : 8;
  if (lanes != 16 && lanes != 8 && lanes != 4) {
    throw Error(fmt::format("a vector has 16, 8 or 4 lanes, not {}", lanes), {},
                "set NODEC_LANES to 16, 8 or 4");
  }
  const bool level4 = missing(level_4(), features).empty();
  return {std::string(name), level4 ? "x86-64-v4" : "x86-64-v3", joined(features), lanes};
}

CpuTarget cpu_target_from_environment() {
  const char* cpu = std::getenv("NODEC_CPU");
  const char* text = std::getenv("NODEC_LANES");
  int lanes = 0;
  if (text != nullptr && *text != 0) {
    const std::string_view digits(text);
    const auto [end, failure] = std::from_chars(digits.begin(), digits.end(), lanes);
    if (failure != std::errc() || end != digits.end() || lanes == 0) {
      throw Error(fmt::format("NODEC_LANES is '{}'", digits), {}, "set NODEC_LANES to 16, 8 or 4");
    }
  }
  return cpu_target(cpu != nullptr && *cpu != 0 ? cpu : "native", lanes);
}

}  // namespace nodec
