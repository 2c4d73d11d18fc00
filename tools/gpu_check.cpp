// Whether a device gives the bits that the processor gave: the catalogue in both float dtypes, and
// gradients of solves by every method and rule.
//   gpu_check --record FILE            what this build's processor gives, a line each
//   gpu_check FILE [--device D]        compares; exit code 1 where anything differs, 77 without the
//                                      device, or the compiler of its programs
//   gpu_check ... --only TEXT          of the cases whose names have it
// A build without machine code compares with what one with it recorded (tests/bits/gpu_bits.txt).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <regex>

#include "compiler/nodec.h"
#include "ir/status.h"
#include "kernels/catalogue.h"
#include "kernels/sample.h"
#include "runtime/cuda/driver.h"
#include "runtime/cuda/nvrtc.h"
#include "runtime/device_choice.h"
#include "runtime/emulator/program.h"
#include "runtime/hash.h"

namespace nodec {
namespace {

struct Case {
  std::string name;
  std::shared_ptr<const Graph> graph;
  Domain domain = {};
};

std::vector<Case> catalogue_cases() {
  std::vector<Case> all;
  for (const Primitive* p : catalogue()) {
    for (const Dtype real : {Dtype::F32, Dtype::F64}) {
      all.push_back({fmt::format("{} {}", p->name, name(real)), sample_graph(*p, real), p->domain});
    }
  }
  return all;
}

// The gradient of a loss after a solve through a small network.
std::shared_ptr<const Graph> solve_graph(const std::string& method, const std::string& rule) {
  Trace t("net", "B");
  const auto tensor = [](Shape s) { return Type::tensor(Dtype::F32, std::move(s)); };
  const Var w = t.input("w", tensor({6, 4})), v = t.input("v", tensor({4, 6}));
  const Var x = t.input("x", tensor({4, Dim::symbol("B")}));
  SolveOptions options;
  options.method = method;
  options.adjoint = rule;
  if (method != "tsit5") options.dt = 0.125;
  const auto loss = [&](const Var& a, const Var& b) {
    const auto end =
        solve([&](const Var& s) { return tanh(matmul(b, tanh(matmul(a, s)))); }, x, 0, 1, options);
    return mean(end.u * end.u);
  };
  const auto [value, g] = value_and_grad(loss, std::tie(w, v));
  t.output("loss", value);
  t.output("dw", std::get<0>(g));
  t.output("dv", std::get<1>(g));
  return t.finish().graph;
}

std::vector<Case> all_cases(const std::string& only) {
  std::vector<Case> all = catalogue_cases();
  for (const char* method : {"euler", "rk4", "tsit5"}) {
    for (const char* rule : {"discrete", "interpolating", "gauss"}) {
      all.push_back({fmt::format("solve {} {}", method, rule), solve_graph(method, rule)});
    }
  }
  std::erase_if(all, [&](const Case& c) { return c.name.find(only) == std::string::npos; });
  return all;
}

template <class T>
Tensor filled(const Array& a, const auto& values) {
  Tensor t(a.dtype, a.dims);
  std::transform(values.begin(), values.end(), t.values<T>().begin(), [](auto v) { return T(v); });
  return t;
}

Tensor tensor_of(const Array& a) {
  switch (a.dtype) {
    case Dtype::F32:
      return filled<float>(a, a.reals);
    case Dtype::F64:
      return filled<double>(a, a.reals);
    case Dtype::I32:
      return filled<std::int32_t>(a, a.integers);
    case Dtype::I64:
      return filled<std::int64_t>(a, a.integers);
    default: {
      Tensor t(a.dtype, a.dims);
      for (std::size_t i = 0; i < t.bytes() && i < a.integers.size(); ++i) {
        static_cast<std::uint8_t*>(t.data())[i] = std::uint8_t(a.integers[i]);
      }
      return t;
    }
  }
}

// One NaN is like another.
std::string bits_of(Tensor t) {
  const auto settle = [](auto values) {
    for (auto& x : values) x = std::isnan(x) ? std::numeric_limits<float>::quiet_NaN() : x;
  };
  if (t.dtype() == Dtype::F32) settle(t.values<float>());
  if (t.dtype() == Dtype::F64) settle(t.values<double>());
  return {static_cast<const char*>(t.data()), t.bytes()};
}

std::string result_of(const Case& test, const Executable& program) {
  std::string bits;
  for (const std::int64_t batch : {5, 70}) {
    const std::vector<Array> arrays = sample_arguments(*test.graph, test.domain, {{"B", batch}}, 3);
    std::vector<Tensor> tensors;
    std::vector<TensorView> views;
    for (const Array& a : arrays) tensors.push_back(tensor_of(a));
    for (const Tensor& t : tensors) views.push_back(t);
    CallOptions options;
    for (const Value* r : test.graph->body.results) {
      if (r->type.mentions("B")) options.symbols = {{"B", batch}};
    }
    try {
      for (Tensor& t : program.run(views, options)) bits += bits_of(std::move(t));
    } catch (const Error& stopped) {
      bits += stopped.message();
    }
    if (test.graph->batch.empty()) break;
  }
  return hash(bits).str();
}

// Programs of the emulated GPU, twenty to a file of the compiler's, for as long as they are held.
std::vector<std::shared_ptr<const emulator::Program>> compiled_together(
    const std::vector<Case>& cases) {
  static const std::regex entry(R"(NODEC_ENTRY\((\w+)\) \{)");
  std::vector<emulator::Program::Source> sources;
  for (const Case& test : cases) {
    const std::string text = dump(*test.graph, "codegen", "cuda-emulated");
    std::string name;
    for (std::sregex_iterator i(text.begin(), text.end(), entry), end; i != end; ++i)
      name = (*i)[1];
    if (!name.empty()) sources.push_back({text, name});
  }
  return emulator::Program::compile_all(sources);
}

std::map<std::string, std::string> read(const std::string& file) {
  std::map<std::string, std::string> known;
  std::ifstream in(file);
  if (!in) throw Error(fmt::format("'{}' cannot be read", file), {}, "record it: --record");
  for (std::string hash, name; in >> hash && std::getline(in >> std::ws, name);) known[name] = hash;
  return known;
}

struct Words {
  std::string file, device = "cpu", only;
  bool records = false;
};

int run(const Words& words) {
  const DeviceChoice device = read_device(words.device);
  if (device.kind == DeviceChoice::Kind::Cuda) {
    try {
      const std::string on = device_for(device)->limits().name;
      const auto compiler = Nvrtc::open(cuda::Driver::open()->major());
      std::printf("on %s, compiled by %s\n", on.c_str(), compiler->path().c_str());
    } catch (const Error& error) {
      std::fprintf(stderr, "skipped: %s\n", error.message().c_str());
      return 77;
    }
  }
  const std::vector<Case> cases = all_cases(words.only);
  std::vector<std::shared_ptr<const emulator::Program>> held;
  if (device.kind == DeviceChoice::Kind::Emulated) held = compiled_together(cases);
  std::map<std::string, std::string> known;
  if (!words.records) known = read(words.file);
  std::string recorded;
  int differ = 0;
  for (const Case& test : cases) {
    CompileOptions options;
    options.device = words.device;
    const std::string result = result_of(test, *compile(*test.graph, options).executable);
    recorded += fmt::format("{} {}\n", result, test.name);
    if (words.records || known[test.name] == result) continue;
    std::printf("'%s' differs: wanted %s, got %s\n", test.name.c_str(), known[test.name].c_str(),
                result.c_str());
    ++differ;
  }
  if (words.records) std::ofstream(words.file) << recorded;
  std::printf("%zu programs on %s, %d differ\n", cases.size(), device_words(device).c_str(),
              differ);
  return differ == 0 && !cases.empty() ? 0 : 1;
}

}  // namespace
}  // namespace nodec

int main(int argc, char** argv) try {
  nodec::Words words;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--record") {
      words.records = true;
    } else if (word == "--device" && more) {
      words.device = argv[++i];
    } else if (word == "--only" && more) {
      words.only = argv[++i];
    } else {
      words.file = word;
    }
  }
  if (words.file.empty()) {
    std::fprintf(stderr, "gpu_check [--record] FILE [--device DEVICE] [--only TEXT]\n");
    return 2;
  }
  return nodec::run(words);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", nodec::error_text(error).c_str());
  return 4;
}
