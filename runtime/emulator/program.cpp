// The compiler's command line, and the library that comes of it: found in the cache or made.
#include "runtime/emulator/program.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <regex>

#include "ir/error.h"
#include "ir/lasting.h"
#include "runtime/cache.h"
#include "runtime/command.h"
#include "runtime/plain_file.h"

namespace nodec {
extern const std::string_view emulator_interface, emulated_header;  // the two files' texts
}

namespace nodec::emulator {
namespace {

constexpr std::uint64_t kLargestLibrary = std::uint64_t{1} << 30;
constexpr const char* kText = "program.cu";
constexpr std::size_t kTogether = 20;

struct Compiler {
  std::string path;
  std::string identity;  // what its output may depend on
};

Compiler find_compiler() {
  const char* named = std::getenv("NODEC_CXX");
  const bool is_named = named != nullptr && *named != 0;
  const std::string name = is_named ? named : "g++";
  const std::string path = find_program(name).string();
  struct stat status {};
  if (path.empty() || stat(path.c_str(), &status) != 0) {
    throw Error(fmt::format("the emulated GPU needs a C++ compiler, and there is no '{}'{}", name,
                            is_named ? " (NODEC_CXX)" : ""),
                {}, "install g++, or name a compiler in NODEC_CXX");
  }
  std::error_code failed;
  const std::string real = std::filesystem::canonical(path, failed).string();
  return {path, fmt::format("{} {} {}", failed ? path : real, status.st_size, status.st_mtime)};
}

std::vector<std::string> flags(bool watched) {
  std::vector<std::string> flags{
      "-x", "c++", "-std=c++20", "-O2", "-g1", "-w", "-fPIC", "-ffp-contract=off", "-fwrapv",
      // g++ 12 counts two arrays of one memory from each other's addresses, and then moves loads of
      // one over stores to it.
      "-fno-ivopts", "-fno-strict-aliasing", "-fno-math-errno", "-fno-trapping-math",
      "-fno-exceptions", "-fno-stack-protector", "-fvisibility=hidden", "-DNODEC_EMULATED"};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("fma")) flags.emplace_back("-mfma");
#endif
  if (watched) {
    flags.emplace_back("-fsanitize=thread");
    flags.emplace_back("-DNODEC_EMULATED_RACES");
  }
  return flags;
}

// What the text defines for the preprocessor, in the order of its lines.
std::vector<std::string> macros_of(const std::string& text) {
  static const auto& define = lasting<std::regex>(R"((?:^|\n)[ \t]*#[ \t]*define[ \t]+(\w+))");
  std::vector<std::string> names;
  for (std::sregex_iterator i(text.begin(), text.end(), define), end; i != end; ++i) {
    names.push_back((*i)[1]);
  }
  return names;
}

std::string entry_symbol(const std::string& entry, std::size_t number, std::size_t count) {
  return count == 1 ? entry : fmt::format("{}_{}", entry, number);
}

// One file of all: each text in a namespace, its entry with a number of its own.
std::string whole_text(std::span<const Program::Source> sources) {
  std::string whole = fmt::format("{}\n{}\n", emulator_interface, emulated_header);
  if (sources.size() == 1) return whole + fmt::format("#line 1 \"{}\"\n", kText) + sources[0].text;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto& [text, entry] = sources[i];
    whole += fmt::format("#define {} {}\nnamespace nodec_program_{} {{\n#line 1 \"{}\"\n{}\n}}\n",
                         entry, entry_symbol(entry, i, sources.size()), i, kText, text);
    for (const std::string& macro : macros_of(text)) whole += "#undef " + macro + "\n";
    whole += "#undef " + entry + "\n";
  }
  return whole;
}

// Runs one of the compiler's commands; an Error has the first lines of what it said.
void run_compiler(const std::vector<std::string>& words) {
  const CommandResult result = run_command(words);
  if (result.status == 0) return;
  std::string said = result.output.substr(0, 2000);
  throw Error(fmt::format("'{}' did not compile a program for the emulated GPU (exit {}):\n{}",
                          words[0], result.status, said),
              {}, "the compiler must take g++'s options and C++20: name another in NODEC_CXX");
}

std::string compile_library(const Compiler& compiler, const std::vector<std::string>& options,
                            const std::string& text) {
  const WorkFolder folder;
  const std::string source = folder / kText, object = folder / "program.o",
                    library = folder / "program.so";
  std::ofstream(source, std::ios::binary) << text;
  std::vector<std::string> words{compiler.path};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"-c", source, "-o", object});
  run_compiler(words);
  // Linked without the sanitizer's library: the hooks are in the text.
  run_compiler({compiler.path, "-shared", "-nostdlib", object, "-o", library, "-lm", "-lgcc"});
  const auto bytes = read_whole(library, kLargestLibrary);
  NODEC_CHECK(bytes, "{} cannot be read", library);
  return *bytes;
}

using Programs = std::vector<std::shared_ptr<const Program>>;

Hash key_for(const Compiler& compiler, const std::vector<std::string>& flags,
             const std::string& whole) {
  return key_of({{"kind", "emulated GPU"},
                 {"compiler", compiler.identity},
                 {"flags", fmt::format("{}", fmt::join(flags, " "))},
                 {"text", whole}});
}

// As one library.
Programs compile_together(std::span<const Program::Source> sources, const ProgramOptions& options) {
  const Compiler compiler = find_compiler();
  const std::vector<std::string> with = flags(options.watched);
  const std::string whole = whole_text(sources);
  const Hash key = key_for(compiler, with, whole);
  const ObjectCache cache = ObjectCache::from_environment();
  auto found = cache.find(key);
  if (!found) {
    found = Artifact{compile_library(compiler, with, whole), {}};
    cache.store(key, *found);
  }
  const auto library = std::make_shared<const Library>(std::move(found->object));
  Programs programs;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string symbol = entry_symbol(sources[i].entry, i, sources.size());
    const auto entry = reinterpret_cast<Program::Entry>(library->find(symbol));
    NODEC_CHECK(entry != nullptr, "the text defines no entry '{}'", sources[i].entry);
    programs.push_back(std::make_shared<const Program>(library, entry, options.watched));
  }
  return programs;
}

// Those in use, by what they are made of.
std::mutex in_use_lock;
using InUse = std::map<std::string, std::weak_ptr<const Program>>;
InUse& in_use() {
  static auto& all = lasting<InUse>();
  return all;
}

std::string name_of(const Program::Source& source, const ProgramOptions& options) {
  return fmt::format("{} {} {}", hash(source.text).str(), source.entry, options.watched);
}

std::shared_ptr<const Program> find_in_use(const std::string& name) {
  const std::lock_guard lock(in_use_lock);
  const auto found = in_use().find(name);
  return found == in_use().end() ? nullptr : found->second.lock();
}

void keep(const std::string& name, const std::shared_ptr<const Program>& program) {
  const std::lock_guard lock(in_use_lock);
  std::erase_if(in_use(), [](const auto& known) { return known.second.expired(); });
  in_use()[name] = program;
}

}  // namespace

std::shared_ptr<const Program> Program::compile(const Source& source,
                                                const ProgramOptions& options) {
  return compile_all({&source, 1}, options).front();
}

Programs Program::compile_all(std::span<const Source> sources, const ProgramOptions& options) {
  Programs programs;
  std::vector<Source> missing;
  std::vector<std::size_t> places;
  for (const Source& source : sources) {
    programs.push_back(find_in_use(name_of(source, options)));
    if (programs.back() != nullptr) continue;
    missing.push_back(source);
    places.push_back(programs.size() - 1);
  }
  for (std::size_t first = 0; first < missing.size(); first += kTogether) {
    const std::size_t count = std::min(kTogether, missing.size() - first);
    const auto made = compile_together(std::span(missing).subspan(first, count), options);
    for (std::size_t i = 0; i < count; ++i) {
      programs[places[first + i]] = made[i];
      keep(name_of(missing[first + i], options), made[i]);
    }
  }
  return programs;
}

}  // namespace nodec::emulator
