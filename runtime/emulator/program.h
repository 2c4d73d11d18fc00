// CUDA C++ text compiled for the emulator: by $NODEC_CXX, else g++, once, and kept in the cache of
// compiled programs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/emulator/interface.h"

namespace nodec::emulator {

struct ProgramOptions {
  // Every access is told: races and indices past their region are found, at a tenth of the speed.
  bool watched = false;
};

class Program {
 public:
  // Of the text and the name of its entry. An Error says what the compiler had to say, or that
  // there is none.
  static std::shared_ptr<const Program> compile(std::string_view text, const std::string& entry,
                                                const ProgramOptions& options = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  using Entry = void (*)(const void* const* arguments);
  Entry entry() const { return entry_; }
  bool watched() const { return watched_; }
  Self* self() const { return self_; }
  void use(const Table& table) const { *table_ = table; }
  // Whether the address is the program's own: its code, constants and variables.
  bool owns(const void* address) const { return address >= low_ && address < high_; }
  // "program.cu:12", for an address in the code, or as much as is known. The text is program.cu
  // where no #line says otherwise.
  std::string line(const void* site) const;

 private:
  Program(std::string bytes, const std::string& entry, bool watched);

  std::string bytes_;  // of the library
  int file_ = -1;
  void* library_ = nullptr;
  const char *low_ = nullptr, *high_ = nullptr;
  Entry entry_ = nullptr;
  Self* self_ = nullptr;
  Table* table_ = nullptr;
  bool watched_ = false;
};

}  // namespace nodec::emulator
