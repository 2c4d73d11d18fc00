// A user's library of models, opened at run time (see compiler/model.h).
#pragma once

#include <string>
#include <vector>

namespace nodec {

class ModelLibrary {
 public:
  // InputError when it cannot be opened or holds no models.
  explicit ModelLibrary(const std::string& path);

  std::vector<std::string> names() const;
  std::string trace(const std::string& model) const;  // IR text; what tracing throws is rethrown

 private:
  void* symbol(const char* name) const;
  std::string path_;
  void* handle_ = nullptr;  // stays open: its code may have registered anything
};

}  // namespace nodec
