// Other programs run for their output: compilers and their tools.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace nodec {

// Where the program of this name is, along PATH as a shell finds it; empty: nowhere.
std::filesystem::path find_program(const std::string& name);

struct CommandResult {
  int status = 0;      // what it exited with; 127 when it could not be started, 128 + n by a signal
  std::string output;  // of both streams; at most the first MiB
};
// Waits for it. It reads nothing.
CommandResult run_command(std::span<const std::string> words);

// A new folder in TMPDIR, or where the system has such files, for files that go away with it.
class WorkFolder {
 public:
  WorkFolder();
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace nodec
