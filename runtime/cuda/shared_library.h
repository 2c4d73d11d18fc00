// Libraries that are opened when they are wanted, from one of several places; and what came of each
// place, for a message.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace nodec {

class SharedLibrary {
 public:
  // The first of the places that can be opened; none: is_open() is false. A place is a path or a
  // name for the system's loader.
  explicit SharedLibrary(const std::vector<std::string>& places);
  // Never closed: neither CUDA's driver nor NVRTC can be taken out of a process.
  bool is_open() const { return handle_ != nullptr; }
  const std::string& path() const { return path_; }  // where it came from
  void* find(const char* symbol) const;              // null: it has none
  template <typename Function>
  void find(const char* symbol, Function& function) const {
    function = reinterpret_cast<Function>(find(symbol));
  }
  // Each place tried in vain and why, a line each.
  const std::string& trouble() const { return trouble_; }

 private:
  void* handle_ = nullptr;
  std::string path_, trouble_;
};

// A file as a cache key names it: its resolved path, size and time; empty: there is none.
std::string file_identity(const std::string& path);

}  // namespace nodec
