// nodec run: a program on arrays from files.
#include <filesystem>

#include "compiler/pipeline.h"
#include "ir/nearest.h"
#include "runtime/advice.h"
#include "runtime/npy.h"
#include "runtime/publish.h"
#include "tools/nodec/arrays.h"
#include "tools/nodec/models.h"
#include "tools/nodec/verb.h"
#include "tools/usage.h"

namespace nodec {
namespace {

namespace fs = std::filesystem;

struct Run {
  std::string model;
  std::vector<std::string> inputs, outputs, sizes;
  int threads = 1;
  std::string device = "cpu";
  std::int64_t tape_limit = 0;

  int run() const {
    const std::shared_ptr<Graph> graph = load_model(model);
    CompileOptions where;
    where.device = device;
    const Program program = compile(*graph, where);
    const Executable& code = *program.executable;
    const Signature& signature = code.signature();
    const auto places = output_places(signature);  // a wrong name is said before anything runs
    const std::vector<Tensor> given =
        in_order(read_inputs(inputs, signature.inputs), signature.inputs);
    CallOptions options;
    options.threads = threads;
    options.tape_limit_bytes = tape_limit;
    options.symbols = read_sizes(sizes);
    const std::vector<Tensor> results = outputs_for(code, given, options.symbols);
    std::vector<TensorView> in(given.begin(), given.end()), out(results.begin(), results.end());
    const Outcome outcome = code.call(in, out, options);
    require_success(outcome, signature, "--tape-limit");
    for (const std::string& line : Advice().hear(outcome)) fmt::print(stderr, "{}\n", line);
    for (const auto& [index, file] : places) write_npy(file, results[index]);
    if (places.empty()) print_results(signature, results);
    return kClean;
  }

  // Which output goes to which file.
  std::vector<std::pair<std::size_t, fs::path>> output_places(const Signature& signature) const {
    std::vector<std::pair<std::size_t, fs::path>> places;
    for (const std::string& text : outputs) {
      const std::size_t equals = text.find('=');
      std::error_code failed;
      if (equals == std::string::npos && (text.ends_with('/') || fs::is_directory(text, failed))) {
        fs::create_directories(text, failed);
        for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
          places.emplace_back(i, fs::path(text) / file_name(signature.outputs[i].name));
        }
        continue;
      }
      const bool plain = equals == std::string::npos;
      const std::string name = plain ? fs::path(text).stem().string() : text.substr(0, equals);
      places.emplace_back(output_index(signature, name), plain ? text : text.substr(equals + 1));
    }
    check_places(places);
    return places;
  }

  static std::string file_name(const std::string& name) {
    if (names_a_file(name)) return name + ".npy";
    throw InputError(fmt::format("no file of a folder can be called '{}'", name), {},
                     "name a file for each output: --output NAME=FILE.npy");
  }

  // Each must be one that can be written, and a file's own.
  static void check_places(const std::vector<std::pair<std::size_t, fs::path>>& places) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      const fs::path& place = places[i].second;
      const std::string trouble = why_unwritable(place);
      if (!trouble.empty()) {
        throw InputError(fmt::format("cannot write '{}': {}", place.string(), trouble), {},
                         "name a file in a folder that can be written and has room");
      }
      for (std::size_t before = 0; before < i; ++before) {
        if (!is_one_file(places[before].second, place)) continue;
        throw UsageError(fmt::format("two outputs go to '{}'", place.string()), {},
                         "give each a file of its own");
      }
    }
  }

  static std::size_t output_index(const Signature& signature, const std::string& name) {
    std::vector<std::string> names;
    for (const Port& port : signature.outputs) {
      if (port.name == name) return names.size();
      names.push_back(port.name);
    }
    throw InputError(fmt::format("the program has no output '{}'", name), {},
                     suggestion(name, names, "run it without --output to see their names"));
  }

  static void print_results(const Signature& signature, const std::vector<Tensor>& results) {
    std::string text;
    for (std::size_t i = 0; i < results.size(); ++i) {
      text += fmt::format("{}  {}\n", printable(signature.outputs[i].name), described(results[i]));
    }
    write_out(text);
  }
};

}  // namespace

Verb add_run(CLI::App& nodec) {
  const auto running = std::make_shared<Run>();
  CLI::App* verb = add_verb(nodec, "run", "compile a program and run it on arrays from .npy files",
                            "  nodec run libuser.so:decay --input u0.npy --input k=0.5\n"
                            "  nodec run program.ir --input folder --output result.npy\n");
  add_model(verb, running->model);
  verb->add_option("--input", running->inputs,
                   "NAME=FILE.npy, NAME=NUMBER, FILE.npy (its stem is the name), or a folder of "
                   "NAME.npy; as often as needed")
      ->option_text("INPUT ...");
  verb->add_option("--output", running->outputs,
                   "NAME=FILE.npy, FILE.npy, or FOLDER/ for all; without it the results are "
                   "described")
      ->option_text("OUTPUT ...");
  verb->add_option("--size", running->sizes, "NAME=NUMBER for a symbol that no input shows")
      ->option_text("SIZE ...");
  verb->add_option("--device", running->device, "cpu, cuda, cuda:sm_N, auto or cuda-emulated")
      ->check(a_device());
  verb->add_option("--threads", running->threads, "threads to run on at most, 1 by default")
      ->check(at_least(1, 1024));
  verb->add_option(
          "--tape-limit", running->tape_limit,
          "memory that a gradient's tapes may take (2GB), half of the machine's by default")
      ->transform(a_size())
      ->option_text("SIZE");
  return {verb, [running] { return running->run(); }};
}

}  // namespace nodec
