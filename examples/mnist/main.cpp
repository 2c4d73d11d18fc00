// mnist: trains a Neural ODE on handwritten digits with compiled programs.
#include <unistd.h>

#include <cstdio>

#include "examples/mnist/train.h"
#include "tools/standard_streams.h"

namespace nodec::mnist {
namespace {

Dataset load(const Options& options) {
  const auto say = [](const std::string& line) {
    std::fprintf(stderr, "data: %s\n", line.c_str());
  };
  Dataset dataset = load_dataset(options.data, options.limit, Places::standard(), say);
  say(dataset.source);
  return dataset;
}

void train(const Options& options, Dataset& dataset, std::vector<Parameter> parameters) {
  Training training(options, dataset, std::move(parameters));
  const auto print = [&](const auto& what) {
    print_out((options.json ? json_line(what) : text_line(what)) + "\n");
  };
  print(training.start());
  Progress progress(STDERR_FILENO);
  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    const Epoch result = training.run_epoch(epoch, progress);
    progress.clear();
    print(result);
    for (const std::string& line : training.take_notes())
      std::fprintf(stderr, "%s\n", line.c_str());
  }
  if (!options.save.empty()) write_safetensors(options.save, training.parameters());
}

int run(int argc, char** argv) {
  const Parsed parsed = parse_options(argc, argv);
  if (parsed.exit_code != 0) {
    std::fprintf(stderr, "%s\n", parsed.message.c_str());
    return parsed.exit_code;
  }
  int on_error = parsed.run ? kBadInput : kRunFailure;
  try {
    if (!parsed.run) return print_out(parsed.message + "\n"), 0;
    if (!parsed.options.save.empty()) check_writable(parsed.options.save);
    std::vector<Parameter> parameters = initial_parameters(parsed.options);
    Dataset dataset = load(parsed.options);
    on_error = kRunFailure;
    train(parsed.options, dataset, std::move(parameters));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error_text(error).c_str());
    return on_error;
  }
}

}  // namespace
}  // namespace nodec::mnist

int main(int argc, char** argv) {
  nodec::guard_standard_streams();
  return nodec::mnist::run(argc, argv);
}
