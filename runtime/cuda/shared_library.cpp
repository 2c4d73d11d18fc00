// dlopen, and its words where it fails.
#include "runtime/cuda/shared_library.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/stat.h>

#include "ir/error.h"

namespace nodec {

SharedLibrary::SharedLibrary(const std::vector<std::string>& places) {
  for (const std::string& place : places) {
    handle_ = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      const link_map* map = nullptr;
      const bool known = dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0 && map->l_name[0] != 0;
      path_ = known ? map->l_name : place;
      return;
    }
    std::string why = dlerror();
    // glibc begins with the name, where it has one.
    if (why.starts_with(place + ": ")) why.erase(0, place.size() + 2);
    trouble_ += fmt::format("\n  {}: {}", place, why);
  }
}

void* SharedLibrary::find(const char* symbol) const {
  return handle_ == nullptr ? nullptr : dlsym(handle_, symbol);
}

std::string file_identity(const std::string& path) {
  std::error_code failed;
  const std::string real = std::filesystem::canonical(path, failed).string();
  struct stat status {};
  if (failed || stat(real.c_str(), &status) != 0) return {};
  return fmt::format("{} {} {}.{}", real, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

}  // namespace nodec
