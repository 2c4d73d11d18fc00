// Loads a library, runs in it and unloads it, a hundred times: nothing of it is left, and no thread
// that would run on where its code was.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

namespace {

int threads() {
  int count = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

bool once(const char* library, const char* cache) {
  void* loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) return std::fprintf(stderr, "%s\n", dlerror()), false;
  const auto run = reinterpret_cast<int (*)(int)>(dlsym(loaded, "run_on_team"));
  const auto compiled =
      reinterpret_cast<double (*)(double, const char*)>(dlsym(loaded, "run_compiled"));
  if (run(3) != 3 || run(2) != 2) return std::fprintf(stderr, "it did not run\n"), false;
  if (compiled(3, cache) != 6) return std::fprintf(stderr, "its program did not run\n"), false;
  dlclose(loaded);
  if (dlopen(library, RTLD_NOW | RTLD_NOLOAD) != nullptr) {
    return std::fprintf(stderr, "it is still loaded\n"), false;
  }
  // No handler of it is left to call either.
  const pid_t child = fork();
  if (child == 0) _exit(0);
  int status = -1;
  waitpid(child, &status, 0);
  return status == 0 || (std::fprintf(stderr, "a fork ended with %d\n", status), false);
}

}  // namespace

int main(int, char** arguments) {
  for (int i = 0; i < 100; ++i) {
    if (!once(arguments[1], arguments[2])) return 1;
  }
  if (threads() != 1) return std::fprintf(stderr, "%d threads are left\n", threads()), 1;
  return 0;
}
