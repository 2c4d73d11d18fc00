// A compiled library in memory, loaded; several emulated programs may be in one.
#pragma once

#include <string>

#include "runtime/emulator/interface.h"

namespace nodec::emulator {

class Library {
 public:
  explicit Library(std::string bytes);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void* find(const std::string& symbol) const;  // null: there is none
  Self* self() const { return self_; }
  Table* table() const { return table_; }
  // Whether the address is the library's own: its code, constants and variables.
  bool owns(const void* address) const { return address >= low_ && address < high_; }
  // "program.cu:12", for an address in the code, or as much as is known.
  std::string line(const void* site) const;

 private:
  void find_segments();

  std::string bytes_;
  int file_ = -1;
  void* handle_ = nullptr;
  const char *low_ = nullptr, *high_ = nullptr;
  Self* self_ = nullptr;
  Table* table_ = nullptr;
};

}  // namespace nodec::emulator
