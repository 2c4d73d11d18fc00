// Where a program is to run, as --device says it: the words, and what they come to on this machine.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/device.h"

namespace nodec {

struct DeviceChoice {
  enum class Kind : std::uint8_t { Cpu, Cuda, Emulated };
  Kind kind = Kind::Cpu;
  int architecture = 0;  // Cuda: what is compiled for, 90; 0: what the GPU here is
  std::string why = {};  // of `auto` that takes the processor: why no GPU, in one line
};

// Nothing said is the processor.
inline constexpr std::string_view kDeviceWords = "cpu, cuda, cuda:sm_N, auto or cuda-emulated";

// Whether these are a device's words, here or on another machine.
bool says_device(std::string_view words);
// `auto` is settled here: a GPU that can be used, with a compiler for it, else the processor. An
// Error for other words.
DeviceChoice read_device(std::string_view words);
// What it came to: "cpu", "cuda:sm_90", "cuda-emulated".
std::string device_words(const DeviceChoice& choice);

// The GPU, real or emulated (one for the process); null for the processor. An Error says why there
// is none.
std::shared_ptr<Device> device_for(const DeviceChoice& choice);
// What to compile for: as chosen, else the GPU's that is here.
int architecture_for(const DeviceChoice& choice);

}  // namespace nodec
