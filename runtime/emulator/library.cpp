// Loading from memory, and lines through addr2line.
#include "runtime/emulator/library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "ir/error.h"
#include "runtime/command.h"

namespace nodec::emulator {

namespace {

Error unloadable(const std::string& why) {
  return Error(fmt::format("an emulated program cannot be loaded: {}", why), {},
               "give the process /proc, memory and a few more open files");
}

// Nobody else's standard input or output, should those be closed.
int behind_the_standard_ones(int file) {
  if (file < 0 || file > STDERR_FILENO) return file;
  const int moved = fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int failed = errno;
  close(file);
  errno = failed;
  return moved;
}

// From a file of the memory's, whose name no other library has while it is open.
int memory_file(const std::string& bytes) {
  const int file = behind_the_standard_ones(memfd_create("nodec-emulated", MFD_CLOEXEC));
  if (file < 0) throw unloadable(std::system_category().message(errno));
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(file, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int failed = errno;
      close(file);
      throw unloadable(std::system_category().message(failed));
    }
    at += std::size_t(written);
  }
  return file;
}

}  // namespace

Library::Library(std::string bytes) : bytes_(std::move(bytes)), file_(memory_file(bytes_)) {
  handle_ = dlopen(fmt::format("/proc/self/fd/{}", file_).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    const std::string why = dlerror();
    close(file_);
    throw unloadable(why);
  }
  self_ = static_cast<Self*>(find("nodec_emulated_self"));
  table_ = static_cast<Table*>(find("nodec_emulated_table"));
  NODEC_CHECK(self_ != nullptr && table_ != nullptr, "an emulated program lacks its head");
  find_segments();
}

Library::~Library() {
  if (handle_ != nullptr) dlclose(handle_);
  if (file_ >= 0) close(file_);
}

void* Library::find(const std::string& symbol) const { return dlsym(handle_, symbol.c_str()); }

void Library::find_segments() {
  const auto look = [](dl_phdr_info* info, std::size_t, void* mine) {
    auto& library = *static_cast<Library*>(mine);
    const auto at = reinterpret_cast<ElfW(Addr)>(library.self_);
    ElfW(Addr) low = ~ElfW(Addr){0}, high = 0;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const ElfW(Phdr)& part = info->dlpi_phdr[i];
      if (part.p_type != PT_LOAD) continue;
      low = std::min(low, info->dlpi_addr + part.p_vaddr);
      high = std::max(high, info->dlpi_addr + part.p_vaddr + part.p_memsz);
    }
    if (at < low || at >= high) return 0;
    library.low_ = reinterpret_cast<const char*>(low);
    library.high_ = reinterpret_cast<const char*>(high);
    return 1;
  };
  dl_iterate_phdr(look, this);
}

std::string Library::line(const void* site) const {
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
