// What every GPU program comes to: those of MNIST, of the catalogue and, with --cache, all that a
// folder of compiled programs was made from. Each is compiled as programs are for four
// architectures, its PTX looked through (tools/ptx_audit.h), its meetings counted in the schedule.
// One JSON line each; `tools/bench cuda` makes a table of them, and a test runs --quick: what is
// beyond a bound is told, and the exit code 1. 77: there is no NVRTC.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "compiler/nodec.h"
#include "examples/mnist/model.h"
#include "ir/parse.h"
#include "kernels/catalogue.h"
#include "kernels/sample.h"
#include "runtime/cuda/compile.h"
#include "tools/ptx_audit.h"

namespace nodec {
namespace {

constexpr const char* kDevice = "cuda-emulated";  // the text is the same for all

// What no program may be beyond.
struct Bounds {
  std::int64_t spills = 0;
  int step_meetings = 2;        // of the team, an attempted forward step
  int evaluation_meetings = 2;  // of a member's lanes, inside the dynamics
  int reverse_meetings = 6;     // inside their reverse
  double loads_per_fma = 3;     // in the PTX, a vector's load once
};

struct Subject {
  std::string name;
  std::shared_ptr<const Graph> graph;
  std::vector<int> architectures;
  Bounds bounds = {};
};

// Counted in the schedule's text, where a body is what is indented deeper than its head.
struct Meetings {
  int step = 0, evaluation = 0, reverse = 0;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

// A loop's two parts have a line each, no deeper than its own.
bool is_within(const std::string& line, std::size_t depth) {
  const std::size_t at = line.find_first_not_of(' ');
  return at > depth || line.substr(at) == "test" || line.substr(at) == "body";
}

Meetings meetings_in(const std::string& schedule) {
  const std::vector<std::string> lines = lines_of(schedule);
  Meetings most;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& head = lines[i];
    const std::size_t depth = head.find_first_not_of(' ');
    const bool loop = head.find("while s") == depth, function = head.starts_with("function ");
    if (!loop && !function) continue;
    int team = 0, lanes = 0;
    bool taped = false;
    for (std::size_t j = i + 1; j < lines.size() && is_within(lines[j], depth); ++j) {
      team += int(lines[j].find("  meet: ") != head.npos);
      lanes += int(lines[j].find("member meets: ") != head.npos);
      taped = taped || lines[j].find("-> tape#") != head.npos;
    }
    // A forward solve is the loop that writes a tape.
    if (loop && taped) most.step = std::max(most.step, team);
    if (!function) continue;
    const bool reverse = head.find("reverse") != head.npos;
    int& evaluation = reverse ? most.reverse : most.evaluation;
    evaluation = std::max(evaluation, lanes);
  }
  return most;
}

std::int64_t count_of(const std::string& text, const std::regex& what) {
  return std::distance(std::sregex_iterator(text.begin(), text.end(), what), {});
}

std::int64_t shared_bytes(const std::string& text) {
  static const std::regex defined(R"(#define NODEC_SHARED_BYTES (\d+))");
  std::smatch match;
  return std::regex_search(text, match, defined) ? std::stoll(match[1]) : 0;
}

// Lines about what is beyond the bounds.
std::string faults_of(const Subject& subject, int architecture, const CudaCode& code,
                      const Meetings& meetings, double loads_per_fma) {
  std::string faults;
  const auto beyond = [&](const char* what, double is, double most) {
    if (is <= most) return;
    faults += fmt::format("{} for sm_{}: {} {}, at most {} wanted\n", subject.name, architecture,
                          is, what, most);
  };
  beyond("bytes spilled", double(code.spill_bytes), double(subject.bounds.spills));
  beyond("team meetings a step", meetings.step, subject.bounds.step_meetings);
  beyond("meetings an evaluation", meetings.evaluation, subject.bounds.evaluation_meetings);
  beyond("meetings a reverse evaluation", meetings.reverse, subject.bounds.reverse_meetings);
  beyond("loads per fma", loads_per_fma, subject.bounds.loads_per_fma);
  if (const std::string odd = ptx_faults(code.ptx); !odd.empty()) {
    faults += fmt::format("{} for sm_{}: the PTX has\n{}", subject.name, architecture, odd);
  }
  return faults;
}

// Whether all of it is within its bounds.
bool tell(const Nvrtc& compiler, const Subject& subject) {
  static const std::regex load(R"(\n\s*(@!?%\w+ )?ld\.(global|shared|local|const)?)"),
      fma(R"(\bfma\.rn\.)");
  const std::string text = dump(*subject.graph, "codegen", kDevice);
  const Meetings meetings = meetings_in(dump(*subject.graph, "schedule", kDevice));
  bool good = true;
  for (const int architecture : subject.architectures) {
    const CudaCode code = compile_text(compiler, text, "kernel", architecture);
    const std::int64_t fmas = count_of(code.ptx, fma), loads = count_of(code.ptx, load);
    // A short program is all edges.
    const double per_fma = fmas < 100 ? 0 : double(loads) / double(fmas);
    const std::string faults = faults_of(subject, architecture, code, meetings, per_fma);
    const nlohmann::ordered_json line{{"program", subject.name},
                                      {"architecture", fmt::format("sm_{}", architecture)},
                                      {"registers", code.registers},
                                      {"spill_bytes", code.spill_bytes},
                                      {"shared_bytes", shared_bytes(text)},
                                      {"code_bytes", code.cubin.size()},
                                      {"milliseconds", std::round(code.milliseconds)},
                                      {"step_meetings", meetings.step},
                                      {"evaluation_meetings", meetings.evaluation},
                                      {"reverse_meetings", meetings.reverse},
                                      {"loads_per_fma", std::round(100 * per_fma) / 100}};
    std::printf("%s\n", line.dump().c_str());
    std::fflush(stdout);
    if (!faults.empty()) std::fprintf(stderr, "%s", faults.c_str());
    good = good && faults.empty();
  }
  return good;
}

const std::vector<int> kAll{80, 90, 100, 120}, kOne{90};

std::vector<Subject> mnist_programs(bool quick) {
  // Where an adjoint is a solve, its dynamics hold those of the forward one and their reverse.
  constexpr Bounds kBounds{}, kSolved{.spills = 2048, .evaluation_meetings = 6};
  std::vector<Subject> all;
  for (const char* rule : {"discrete", "interpolating", "gauss"}) {
    mnist::ProgramOptions options;
    options.adjoint = rule;
    const bool first = all.empty();
    all.push_back({fmt::format("mnist training, {}", rule), mnist::trace_training(options).graph,
                   quick && !first ? kOne : kAll, first ? kBounds : kSolved});
    if (first) {
      all.push_back({"mnist evaluation", mnist::trace_evaluation(options).graph, kAll, kBounds});
    }
  }
  return all;
}

std::vector<Subject> catalogue_programs(bool quick) {
  std::vector<Subject> all;
  for (const Primitive* p : catalogue()) {
    for (const Dtype real : {Dtype::F32, Dtype::F64}) {
      if (quick && real == Dtype::F64) continue;
      all.push_back(
          {fmt::format("{} {}", p->name, name(real)), sample_graph(*p, real), quick ? kOne : kAll});
    }
  }
  return all;
}

std::vector<Subject> cached_programs(const std::filesystem::path& folder) {
  // Of any networks, and of solves in solves.
  constexpr Bounds kBounds{.spills = 512,
                           .step_meetings = 16,
                           .evaluation_meetings = 20,
                           .reverse_meetings = 16,
                           .loads_per_fma = 6};
  std::vector<Subject> all;
  const ObjectCache cache(folder);
  for (const CacheGlance& glance : cache.glances()) {
    const auto fields = cache.fields(glance.key);
    if (!fields) continue;
    for (const auto& [field, text] : *fields) {
      if (field != "program") continue;
      std::shared_ptr<Graph> graph = parse(text, find_primitive);
      all.push_back({"example " + graph->name, std::move(graph), kAll, kBounds});
    }
  }
  return all;
}

int run(int argc, char** argv) {
  bool quick = false;
  std::filesystem::path cache;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--quick") {
      quick = true;
    } else if (word == "--cache" && i + 1 < argc) {
      cache = argv[++i];
    } else {
      std::fprintf(stderr, "kernel_table [--quick] [--cache FOLDER]\n");
      return 2;
    }
  }
  std::shared_ptr<const Nvrtc> compiler;
  try {
    compiler = Nvrtc::open();
  } catch (const Error& error) {
    std::fprintf(stderr, "skipped: NVRTC is not here\n%s\n", error_text(error).c_str());
    return 77;
  }
  bool good = true;
  const auto tell_all = [&](const std::vector<Subject>& subjects) {
    for (const Subject& subject : subjects) good = tell(*compiler, subject) && good;
  };
  tell_all(mnist_programs(quick));
  if (!cache.empty()) tell_all(cached_programs(cache));
  tell_all(catalogue_programs(quick));
  return good ? 0 : 1;
}

}  // namespace
}  // namespace nodec

int main(int argc, char** argv) try {
  return nodec::run(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", nodec::error_text(error).c_str());
  return 4;
}
