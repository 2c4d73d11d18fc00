// Return addresses through the unwinder that exceptions use anyway; lines through LLVM's
// symbolizer, which also knows the calls that were inlined.
#include "compiler/trace/call_stack.h"

#include <execinfo.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <optional>
#include <regex>
#include <string>
#include <string_view>

#include "ir/lasting.h"
#include "ir/report.h"
#ifdef NODEC_CPU_JIT
#include <llvm/DebugInfo/Symbolize/Symbolize.h>
#endif

namespace nodec::tracing {

std::vector<void*> return_addresses() {
  std::array<void*, 16> frames{};
  const int count = backtrace(frames.data(), int(frames.size()));
  return std::vector<void*>(frames.begin() + std::min(count, 1), frames.begin() + count);
}

bool is_library(std::string_view file) {
  if (file.find("/c++/") != std::string_view::npos) return true;
  for (const std::string_view own : {"compiler/trace/", "compiler/nn/", "compiler/nodec.h"}) {
    const std::size_t at = file.rfind(own);
    if (at == std::string_view::npos) continue;
    if (!file.substr(0, at).ends_with("tests/")) return true;  // tests mirror these folders
  }
  return false;
}

#ifdef NODEC_CPU_JIT
namespace {

// An address as a file of code and the place in it that its line tables speak of.
struct Place {
  std::string module;
  std::uint64_t offset = 0;
};

struct Search {
  std::uint64_t address;
  std::optional<Place> found;
};

int look_in(dl_phdr_info* info, std::size_t, void* data) {
  Search& search = *static_cast<Search*>(data);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    const std::uint64_t begin = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type != PT_LOAD || search.address < begin ||
        search.address >= begin + segment.p_memsz) {
      continue;
    }
    const std::string name = info->dlpi_name;
    search.found = Place{name.empty() ? "/proc/self/exe" : name, search.address - info->dlpi_addr};
    return 1;
  }
  return 0;
}

// A call's line, not the one it returns to.
std::optional<Place> place_of(const void* address) {
  Search search{reinterpret_cast<std::uint64_t>(address) - 1, std::nullopt};
  dl_iterate_phdr(look_in, &search);
  return search.found;
}

// An assignment that the C++ compiler wrote for a struct has the line that the struct begins on.
bool is_implicit(const std::string& function, const SourceLine& line) {
  static const auto& begins = lasting<std::regex>(R"(\b(struct|class|union)\b)");
  static const auto& assigns = lasting<std::regex>(R"(\boperator=(\(|$))");
  return std::regex_search(function, assigns) && std::regex_search(source_text(line), begins);
}

}  // namespace

SourceLine first_user_line(const std::vector<void*>& addresses) {
  static llvm::symbolize::LLVMSymbolizer symbolizer;
  for (const void* address : addresses) {
    const std::optional<Place> place = place_of(address);
    if (!place) continue;
    auto frames = symbolizer.symbolizeInlinedCode(
        place->module, {place->offset, llvm::object::SectionedAddress::UndefSection});
    if (!frames) {
      llvm::consumeError(frames.takeError());
      continue;
    }
    for (std::uint32_t i = 0; i < frames->getNumberOfFrames(); ++i) {
      const llvm::DILineInfo& frame = frames->getFrame(i);
      const bool known = frame.Line > 0 && frame.FileName != "<invalid>";
      const SourceLine line{frame.FileName, int(frame.Line)};
      if (!known || is_library(line.file) || is_implicit(frame.FunctionName, line)) continue;
      return line;
    }
  }
  return {};
}
#else
SourceLine first_user_line(const std::vector<void*>&) { return {}; }
#endif

}  // namespace nodec::tracing
