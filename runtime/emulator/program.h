// CUDA C++ text compiled for the emulator: by $NODEC_CXX, else g++, once, and kept in the cache of
// compiled programs.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/emulator/library.h"

namespace nodec::emulator {

struct ProgramOptions {
  // Every access is told: races and indices past their region are found, at a tenth of the speed.
  bool watched = false;
};

class Program {
 public:
  struct Source {
    std::string text, entry;  // the entry's name
  };
  // An Error says what the compiler had to say, or that there is none. A program of this text that
  // is in use somewhere is shared.
  static std::shared_ptr<const Program> compile(const Source& source,
                                                const ProgramOptions& options = {});
  // Many small ones, twenty to a file of the compiler's: an eighth of the time. While they are
  // held, compile() finds them.
  static std::vector<std::shared_ptr<const Program>> compile_all(
      std::span<const Source> sources, const ProgramOptions& options = {});

  using Entry = void (*)(const void* const* arguments);
  Program(std::shared_ptr<const Library> library, Entry entry, bool watched)
      : library_(std::move(library)), entry_(entry), watched_(watched) {}
  Entry entry() const { return entry_; }
  bool watched() const { return watched_; }
  const Library& library() const { return *library_; }

 private:
  std::shared_ptr<const Library> library_;
  Entry entry_;
  bool watched_;
};

}  // namespace nodec::emulator
