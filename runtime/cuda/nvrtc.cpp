// Where NVRTC may be, the few functions of it that are called, and its options.
#include "runtime/cuda/nvrtc.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <regex>

#include "ir/error.h"
#include "ir/lasting.h"
#include "runtime/cuda/shared_library.h"

namespace nodec {

namespace fs = std::filesystem;

// As nvrtc.h declares them.
struct Nvrtc::Functions {
  using Program = void*;
  int (*version)(int* major, int* minor) = nullptr;
  int (*create)(Program*, const char* text, const char* name, int headers, const char* const*,
                const char* const*) = nullptr;
  int (*destroy)(Program*) = nullptr;
  int (*compile)(Program, int count, const char* const* options) = nullptr;
  int (*log_size)(Program, std::size_t*) = nullptr;
  int (*log)(Program, char*) = nullptr;
  int (*ptx_size)(Program, std::size_t*) = nullptr;
  int (*ptx)(Program, char*) = nullptr;
  int (*cubin_size)(Program, std::size_t*) = nullptr;
  int (*cubin)(Program, char*) = nullptr;
  const char* (*words)(int result) = nullptr;
  int (*architecture_count)(int*) = nullptr;
  int (*architectures)(int*) = nullptr;
};

namespace {

constexpr std::array kMajors{13, 12};  // the newest first
constexpr const char* kHelp =
    "install the CUDA toolkit, or run tools/setup --cuda, or name libnvrtc.so in NODEC_NVRTC";

std::string soname(int major) { return fmt::format("libnvrtc.so.{}", major); }

void add_from_variable(std::vector<fs::path>& folders, const char* name, const char* below) {
  const char* value = std::getenv(name);
  std::string_view list = value == nullptr ? "" : value;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(':'), list.size());
    if (end > 0) folders.push_back(fs::path(list.substr(0, end)) / below);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

// Those whose name begins so, the largest name first.
std::vector<fs::path> matching(const fs::path& folder, const std::string& begin) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator i(folder, failed), end; !failed && i != end; i.increment(failed)) {
    if (i->path().filename().string().starts_with(begin)) found.push_back(i->path());
  }
  std::ranges::sort(found, std::greater());
  return found;
}

// Folders that may hold it, the wheel's own folders (13, 12) among them.
std::vector<fs::path> folders() {
  std::vector<fs::path> all;
  add_from_variable(all, "LD_LIBRARY_PATH", "");
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"}) {
    add_from_variable(all, variable, "lib64");
  }
  all.emplace_back("/usr/local/cuda/lib64");
  for (const fs::path& toolkit : matching("/usr/local", "cuda-")) all.push_back(toolkit / "lib64");
  all.emplace_back("/opt/cuda/lib64");
  all.emplace_back("/usr/lib/x86_64-linux-gnu");
  all.emplace_back("/usr/lib/aarch64-linux-gnu");
  all.emplace_back("/usr/lib64");
  std::error_code failed;
  std::vector<fs::path> wheels{fs::read_symlink("/proc/self/exe", failed).parent_path() /
                               "../nvrtc"};
  for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == 0) continue;
    for (const fs::path& python : matching(fs::path(value) / "lib", "python3")) {
      wheels.push_back(python / "site-packages");
    }
  }
  for (const fs::path& wheel : wheels) {
    all.push_back(wheel / "nvidia/cu13/lib");
    all.push_back(wheel / "nvidia/cuda_nvrtc/lib");
  }
  return all;
}

// Where to look for it, in order. Folders without it are left out, so that a message stays short;
// what the loader knows comes last.
std::vector<std::string> places(int most_major) {
  std::vector<std::string> all;
  if (const char* named = std::getenv("NODEC_NVRTC"); named != nullptr && *named != 0) {
    std::error_code failed;
    if (!fs::is_directory(named, failed)) return {named};
    for (const int major : kMajors) all.push_back((fs::path(named) / soname(major)).string());
    return all;
  }
  const std::vector<fs::path> everywhere = folders();
  for (const int major : kMajors) {
    if (most_major > 0 && major > most_major) continue;
    for (const fs::path& folder : everywhere) {
      std::error_code failed;
      const fs::path file = folder / soname(major);
      if (fs::exists(file, failed)) all.push_back(file.lexically_normal().string());
    }
    all.push_back(soname(major));
  }
  return all;
}

// The built-ins must be there before it looks for them: a toolkit's library does not know where it
// is.
void open_builtins(const std::string& library) {
  for (const fs::path& file : matching(fs::path(library).parent_path(), "libnvrtc-builtins.so.")) {
    if (SharedLibrary({file.string()}).is_open()) return;
  }
}

std::string folders_searched() {
  std::string text;
  for (const fs::path& folder : folders()) {
    text += fmt::format("\n  {}: no libnvrtc.so.13 or .12", folder.lexically_normal().string());
  }
  return text;
}

template <typename Size, typename Get, typename Program>
std::string fetch(Size size, Get get, Program program) {
  std::size_t bytes = 0;
  if (size(program, &bytes) != 0 || bytes == 0) return {};
  std::string text(bytes, 0);
  return get(program, text.data()) == 0 ? text : std::string();
}

}  // namespace

std::shared_ptr<const Nvrtc> Nvrtc::open(int most_major) {
  std::string trouble;
  for (const std::string& place : places(most_major)) {
    if (place.find('/') != std::string::npos) open_builtins(place);
    const SharedLibrary library({place});
    trouble += library.trouble();
    if (!library.is_open()) continue;
    open_builtins(library.path());
    auto functions = std::make_shared<Functions>();
    library.find("nvrtcVersion", functions->version);
    library.find("nvrtcCreateProgram", functions->create);
    library.find("nvrtcDestroyProgram", functions->destroy);
    library.find("nvrtcCompileProgram", functions->compile);
    library.find("nvrtcGetProgramLogSize", functions->log_size);
    library.find("nvrtcGetProgramLog", functions->log);
    library.find("nvrtcGetPTXSize", functions->ptx_size);
    library.find("nvrtcGetPTX", functions->ptx);
    library.find("nvrtcGetCUBINSize", functions->cubin_size);
    library.find("nvrtcGetCUBIN", functions->cubin);
    library.find("nvrtcGetErrorString", functions->words);
    library.find("nvrtcGetNumSupportedArchs", functions->architecture_count);
    library.find("nvrtcGetSupportedArchs", functions->architectures);
    std::shared_ptr<Nvrtc> nvrtc(new Nvrtc);
    const bool whole = functions->version != nullptr && functions->create != nullptr &&
                       functions->compile != nullptr && functions->cubin != nullptr &&
                       functions->architectures != nullptr;
    if (!whole || functions->version(&nvrtc->major_, &nvrtc->minor_) != 0) {
      trouble += fmt::format("\n  {}: it is no NVRTC of version 11.2 or newer", place);
    } else if (most_major > 0 && nvrtc->major_ > most_major) {
      trouble += fmt::format("\n  {}: it is version {}.{}, the driver takes code up to {}", place,
                             nvrtc->major_, nvrtc->minor_, most_major);
    } else {
      nvrtc->functions_ = std::move(functions);
      nvrtc->path_ = library.path();
      return nvrtc;
    }
  }
  const bool named = std::getenv("NODEC_NVRTC") != nullptr && *std::getenv("NODEC_NVRTC") != 0;
  throw Error(fmt::format("NVRTC, the compiler of GPU programs, is not to be found:{}{}", trouble,
                          named ? "" : folders_searched()),
              {}, named ? "name libnvrtc.so, or its folder, in NODEC_NVRTC" : kHelp);
}

std::string Nvrtc::identity(int most_major) {
  for (const std::string& place : places(most_major)) {
    if (place.find('/') == std::string::npos) continue;
    if (std::string identity = file_identity(place); !identity.empty()) return identity;
  }
  try {
    return file_identity(open(most_major)->path());  // one that only the loader finds
  } catch (const Error&) {
    return {};
  }
}

std::vector<int> Nvrtc::architectures() const {
  int count = 0;
  functions_->architecture_count(&count);
  std::vector<int> all(std::size_t(std::max(count, 0)));
  if (count > 0) functions_->architectures(all.data());
  return all;
}

void Nvrtc::check_architecture(const std::string& name, const std::string& architecture) const {
  const std::vector<int> all = architectures();
  const bool known =
      std::ranges::any_of(all, [&](int one) { return architecture == fmt::format("sm_{}", one); });
  if (known) return;
  throw Error(fmt::format("'{}' cannot be compiled for {}: NVRTC {}.{} compiles for sm_{}", name,
                          architecture, major_, minor_, fmt::join(all, ", sm_")),
              {}, "take one of those, or name another NVRTC in NODEC_NVRTC; this one is " + path_);
}

CudaCode Nvrtc::compile(std::string_view text, const std::string& name,
                        const std::string& architecture,
                        const std::vector<std::string>& more_options) const {
  check_architecture(name, architecture);
  std::vector<std::string> options{"--gpu-architecture=" + architecture,
                                   "--std=c++17",
                                   "--fmad=false",
                                   "--ftz=false",
                                   "--prec-div=true",
                                   "--prec-sqrt=true",
                                   "--ptxas-options=-v",
                                   "-w"};
  if (major_ >= 13 || (major_ == 12 && minor_ >= 8)) options.emplace_back("--minimal");
  options.insert(options.end(), more_options.begin(), more_options.end());
  std::vector<const char*> words;
  for (const std::string& option : options) words.push_back(option.c_str());

  const auto begun = std::chrono::steady_clock::now();
  const Functions& f = *functions_;
  struct Holder {
    const Functions& f;
    Functions::Program program = nullptr;
    ~Holder() {
      if (program != nullptr) f.destroy(&program);
    }
  } holder{f};
  const std::string whole(text), file = name + ".cu";
  int result = f.create(&holder.program, whole.c_str(), file.c_str(), 0, nullptr, nullptr);
  if (result == 0) result = f.compile(holder.program, int(words.size()), words.data());
  CudaCode code;
  if (holder.program != nullptr) code.log = fetch(f.log_size, f.log, holder.program);
  while (!code.log.empty() && (code.log.back() == 0 || code.log.back() == '\n'))
    code.log.pop_back();
  if (result != 0) {
    const std::string said = code.log.substr(0, 2000);
    throw Error(fmt::format("NVRTC {}.{} did not compile '{}' for {}: {}\n{}", major_, minor_, name,
                            architecture, f.words(result), said),
                {}, "another NVRTC can be named in NODEC_NVRTC; this one is " + path_);
  }
  code.cubin = fetch(f.cubin_size, f.cubin, holder.program);
  code.ptx = fetch(f.ptx_size, f.ptx, holder.program);
  code.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  read_assembler_log(code);
  return code;
}

void read_assembler_log(CudaCode& code) {
  static const auto& used = lasting<std::regex>(R"(Used (\d+) registers)");
  static const auto& spilled =
      lasting<std::regex>(R"((\d+) bytes spill stores, (\d+) bytes spill loads)");
  const std::sregex_iterator end;
  for (std::sregex_iterator i(code.log.begin(), code.log.end(), used); i != end; ++i) {
    code.registers = std::max(code.registers, std::stoi((*i)[1]));
  }
  for (std::sregex_iterator i(code.log.begin(), code.log.end(), spilled); i != end; ++i) {
    code.spill_bytes =
        std::max<std::int64_t>(code.spill_bytes, 0) + std::stoll((*i)[1]) + std::stoll((*i)[2]);
  }
}

}  // namespace nodec
