// NVIDIA's run-time compiler: found on the machine when a program wants it, never linked.
//
// Places, in this order: $NODEC_NVRTC alone (a file, or the folder that holds it) where it is set;
// else libnvrtc.so.13 before .12, of each the folders of $LD_LIBRARY_PATH, the toolkit's, the
// system's, and that of the wheel that `tools/setup --cuda` fetches; last what the loader knows by
// name. A version above the driver's is left out: the driver would not take its code.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nodec {

// What came of a program's text.
struct CudaCode {
  std::string cubin;  // for the architecture asked for
  std::string ptx;    // for newer ones
  std::string log;
  // Of the worst of its functions, as the assembler's log tells; -1: it does not.
  int registers = -1;
  std::int64_t spill_bytes = -1;
  double milliseconds = 0;
};

class Nvrtc {
 public:
  // `most_major`: of the versions the driver takes; 0: there is no driver to ask. An Error lists
  // every place tried and why it would not do.
  static std::shared_ptr<const Nvrtc> open(int most_major = 0);
  // What a cache key must know of the one that open() would take, without loading it; empty: there
  // is none.
  static std::string identity(int most_major = 0);

  // `architecture`: "sm_90". An Error has the compiler's words.
  CudaCode compile(std::string_view text, const std::string& name, const std::string& architecture,
                   const std::vector<std::string>& more_options = {}) const;
  std::vector<int> architectures() const;  // that it compiles for: 75, 80, ...
  int major() const { return major_; }
  int minor() const { return minor_; }
  const std::string& path() const { return path_; }

 private:
  struct Functions;
  Nvrtc() = default;
  void check_architecture(const std::string& name, const std::string& architecture) const;

  std::shared_ptr<const Functions> functions_;
  int major_ = 0, minor_ = 0;
  std::string path_;
};

// Registers and spills out of the log of `--ptxas-options=-v`.
void read_assembler_log(CudaCode& code);

}  // namespace nodec
