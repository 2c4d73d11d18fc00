// nodec bench: what a program costs to compile, to load from the cache, and to run.
#include <algorithm>
#include <chrono>

#include "compiler/pipeline.h"
#include "runtime/command.h"
#include "runtime/device_tensor.h"
#include "tools/nodec/arrays.h"
#include "tools/nodec/models.h"
#include "tools/nodec/verb.h"
#include "tools/usage.h"

namespace nodec {
namespace {

double now_us() {
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Bench {
  std::string model;
  std::vector<std::string> inputs, sizes;
  int threads = 1, runs = 0;
  std::string device = "cpu";

  int run() const {
    const double start = now_us();
    const std::shared_ptr<Graph> graph = load_model(model);
    const double traced = now_us() - start;
    const WorkFolder folder;  // so that the first compile is a cold one
    const CompileOptions own{.cache = ObjectCache(folder.path().string()), .device = device};
    const Program cold = compile(*graph, own);
    const Program warm = compile(*graph, own);
    const Executable& code = *warm.executable;

    ArraysByName arrays = read_inputs(inputs, code.signature().inputs);
    const Bindings symbols = sizes_for(code.signature(), read_sizes(sizes), arrays);
    add_synthetic(*graph, code.signature().inputs, symbols, arrays);
    const std::vector<Tensor> given = in_order(std::move(arrays), code.signature().inputs);
    const auto [times, ran] = timed(code, given, symbols);
    std::string team = fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
    if (ran < threads) team += fmt::format(", of which {} ran", ran);
    const auto batch = symbols.find(code.signature().batch);
    const auto form = code.launch_form(batch == symbols.end() ? 1 : batch->second);
    if (form) team = text_of(*form);
    const std::string made =
        form ? device : fmt::format("{} LLVM instructions", cold.report.instructions);

    std::string at;
    for (const auto& [name, size] : symbols) {
      at += fmt::format("{}{} = {}", at.empty() ? "" : ", ", name, size);
    }
    write_out(fmt::format(
        "{}{}{}\n"
        "  load or trace  {:9.2f} ms\n"
        "  compile, cold  {:9.2f} ms  ({})\n"
        "  compile, warm  {:9.2f} ms  (from the cache)\n"
        "  run, median    {:9.2f} us  (best {:.2f}, {} runs, {})\n",
        model, at.empty() ? "" : " at ", at, traced / 1e3, cold.report.milliseconds, made,
        warm.report.milliseconds, times[times.size() / 2], times.front(), times.size(), team));
    return kClean;
  }

  struct Timed {
    std::vector<double> times;  // sorted
    std::int64_t threads_ran;   // the median, too
  };
  // As many runs as asked for, or as fit into a second, at least five.
  Timed timed(const Executable& code, const std::vector<Tensor>& given,
              const Bindings& symbols) const {
    constexpr double kEnough = 1e6;
    const std::vector<Tensor> results = outputs_for(code, given, symbols);
    std::vector<TensorView> in(given.begin(), given.end()), out(results.begin(), results.end());
    // What a GPU works on is there before, as in a program that uses it for more than one run.
    std::vector<DeviceTensor> there;
    if (const auto gpu = code.device()) {
      for (std::vector<TensorView>* views : {&in, &out}) {
        for (TensorView& view : *views) view = there.emplace_back(gpu, view);
      }
    }
    CallOptions options;
    options.threads = threads;
    options.symbols = symbols;
    require_success(code.call(in, out, options), code.signature());
    std::vector<double> times;
    std::vector<std::int64_t> teams;
    const double start = now_us();
    const auto more = [&] {
      if (runs > 0) return int(times.size()) < runs;
      return times.size() < 5 || (now_us() - start < kEnough && times.size() < 10000);
    };
    while (more()) {
      const double before = now_us();
      const Outcome outcome = code.call(in, out, options);
      times.push_back(now_us() - before);
      require_success(outcome, code.signature());
      teams.push_back(outcome.threads_ran);
    }
    std::sort(times.begin(), times.end());
    std::sort(teams.begin(), teams.end());
    return {times, teams[teams.size() / 2]};
  }
};

}  // namespace

Verb add_bench(CLI::App& nodec) {
  const auto bench = std::make_shared<Bench>();
  CLI::App* verb = add_verb(nodec, "bench", "time a program's compile and its run",
                            "  nodec bench mnist/compact --size B=512 --threads 2\n"
                            "  nodec bench libuser.so:decay --input k=0.5\n");
  add_model(verb, bench->model);
  verb->add_option("--size", bench->sizes, "NAME=NUMBER for a symbol such as B; 128 by default")
      ->option_text("SIZE ...");
  verb->add_option("--input", bench->inputs,
                   "as `nodec run` takes it; inputs that are not given are made up")
      ->option_text("INPUT ...");
  verb->add_option("--device", bench->device, "cpu, cuda, cuda:sm_N, auto or cuda-emulated")
      ->check(a_device());
  verb->add_option("--threads", bench->threads, "threads to run on at most, 1 by default")
      ->check(at_least(1, 1024));
  verb->add_option("--runs", bench->runs, "how many runs; as many as fit into a second by default")
      ->check(at_least(1, 1000000));
  return {verb, [bench] { return bench->run(); }};
}

}  // namespace nodec
