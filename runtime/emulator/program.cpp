// The compiler's command line, and the library that comes of it: found in the cache or made, loaded
// from memory.
#include "runtime/emulator/program.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "ir/error.h"
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
  std::vector<std::string> flags{"-x",
                                 "c++",
                                 "-std=c++20",
                                 "-O2",
                                 "-g1",
                                 "-w",
                                 "-fPIC",
                                 "-ffp-contract=off",
                                 "-fwrapv",
                                 "-fno-strict-aliasing",
                                 "-fno-math-errno",
                                 "-fno-trapping-math",
                                 "-fno-exceptions",
                                 "-fno-stack-protector",
                                 "-fvisibility=hidden",
                                 "-DNODEC_EMULATED"};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("fma")) flags.emplace_back("-mfma");
#endif
  if (watched) {
    flags.emplace_back("-fsanitize=thread");
    flags.emplace_back("-DNODEC_EMULATED_RACES");
  }
  return flags;
}

std::string whole_text(std::string_view text) {
  return fmt::format("{}\n{}\n#line 1 \"{}\"\n{}", emulator_interface, emulated_header, kText,
                     text);
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

}  // namespace

std::shared_ptr<const Program> Program::compile(std::string_view text, const std::string& entry,
                                                const ProgramOptions& options) {
  const Compiler compiler = find_compiler();
  const std::vector<std::string> with = flags(options.watched);
  const std::string whole = whole_text(text);
  const Hash key = key_of({{"kind", "emulated GPU"},
                           {"compiler", compiler.identity},
                           {"flags", fmt::format("{}", fmt::join(with, " "))},
                           {"text", whole}});
  const ObjectCache cache = ObjectCache::from_environment();
  auto found = cache.find(key);
  if (!found) {
    found = Artifact{compile_library(compiler, with, whole), {}};
    cache.store(key, *found);
  }
  return std::shared_ptr<const Program>(
      new Program(std::move(found->object), entry, options.watched));
}

// From a file of the memory's, whose name no other library has while it is open.
Program::Program(std::string bytes, const std::string& entry, bool watched)
    : bytes_(std::move(bytes)), watched_(watched) {
  file_ = memfd_create("nodec-emulated", MFD_CLOEXEC);
  NODEC_CHECK(file_ >= 0 && write(file_, bytes_.data(), bytes_.size()) == ssize_t(bytes_.size()),
              "an emulated program of {} bytes cannot be put into memory", bytes_.size());
  library_ = dlopen(fmt::format("/proc/self/fd/{}", file_).c_str(), RTLD_NOW | RTLD_LOCAL);
  NODEC_CHECK(library_ != nullptr, "an emulated program cannot be loaded: {}", dlerror());
  entry_ = reinterpret_cast<Entry>(dlsym(library_, entry.c_str()));
  NODEC_CHECK(entry_ != nullptr, "the text defines no entry '{}'", entry);
  self_ = static_cast<Self*>(dlsym(library_, "nodec_emulated_self"));
  table_ = static_cast<Table*>(dlsym(library_, "nodec_emulated_table"));
  NODEC_CHECK(self_ != nullptr && table_ != nullptr, "an emulated program lacks its head");
  // Where its segments lie.
  const auto look = [](dl_phdr_info* info, std::size_t, void* mine) {
    auto& program = *static_cast<Program*>(mine);
    const auto at = reinterpret_cast<ElfW(Addr)>(program.self_);
    ElfW(Addr) low = ~ElfW(Addr){0}, high = 0;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const ElfW(Phdr)& part = info->dlpi_phdr[i];
      if (part.p_type != PT_LOAD) continue;
      low = std::min(low, info->dlpi_addr + part.p_vaddr);
      high = std::max(high, info->dlpi_addr + part.p_vaddr + part.p_memsz);
    }
    if (at < low || at >= high) return 0;
    program.low_ = reinterpret_cast<const char*>(low);
    program.high_ = reinterpret_cast<const char*>(high);
    return 1;
  };
  dl_iterate_phdr(look, this);
}

Program::~Program() {
  if (library_ != nullptr) dlclose(library_);
  if (file_ >= 0) close(file_);
}

std::string Program::line(const void* site) const {
  if (site == nullptr || !owns(site)) return "an unknown line";
  const auto offset = std::size_t(static_cast<const char*>(site) - low_);
  const WorkFolder folder;
  const std::string library = folder / "program.so";
  std::ofstream(library, std::ios::binary) << bytes_;
  // A site is where the call returns to: behind it.
  const CommandResult told = run_command(
      std::array<std::string, 4>{"addr2line", "-e", library, fmt::format("{:#x}", offset - 1)});
  const SourceLine where =
      SourceLine::read(told.output.substr(0, told.output.find_first_of(" \n")));
  if (told.status != 0 || !where.known()) return fmt::format("code at {:#x}", offset);
  return SourceLine{std::filesystem::path(where.file).filename(), where.line}.str();
}

}  // namespace nodec::emulator
