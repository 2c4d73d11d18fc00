// From words to a device.
#include "runtime/device_choice.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <mutex>

#include "ir/error.h"
#include "ir/lasting.h"
#include "runtime/cuda/cuda_device.h"
#include "runtime/cuda/driver.h"
#include "runtime/cuda/nvrtc.h"
#include "runtime/emulator/emulated_device.h"

namespace nodec {
namespace {

using DeviceKind = DeviceChoice::Kind;

// Why no program can be compiled for a GPU and run there; empty: one can.
std::string why_not_cuda() {
  if (const auto why = cuda::why_no_gpu()) return *why;
  const int major = cuda::Driver::open()->major();
  return Nvrtc::identity(major).empty() ? "NVRTC, the compiler of GPU programs, is not to be found"
                                        : "";
}

std::string named(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

// Settled once for a process, and for each place that the environment names.
std::string settled_why_not_cuda() {
  static std::mutex mutex;
  static auto& known = lasting<std::map<std::pair<std::string, std::string>, std::string>>();
  const std::lock_guard lock(mutex);
  const auto places = std::pair(named("NODEC_CUDA_DRIVER"), named("NODEC_NVRTC"));
  if (const auto found = known.find(places); found != known.end()) return found->second;
  return known[places] = why_not_cuda();
}

// NODEC_EMULATED=watched looks for races and strays; any other is refused.
EmulatedOptions emulated_options() {
  const std::string words = named("NODEC_EMULATED");
  if (!words.empty() && words != "watched") {
    throw Error(fmt::format("NODEC_EMULATED is how the emulated GPU runs, got '{}'", words), {},
                "say watched, or leave it unset");
  }
  return {.watched = !words.empty()};
}

// The N of cuda:sm_N; 0: these are other words.
int named_architecture(std::string_view words) {
  constexpr std::string_view kBegin = "cuda:sm_";
  if (!words.starts_with(kBegin)) return 0;
  int architecture = 0;
  const char* const last = words.data() + words.size();
  const auto [end, failed] = std::from_chars(words.data() + kBegin.size(), last, architecture);
  return failed == std::errc() && end == last ? std::max(architecture, 0) : 0;
}

}  // namespace

bool says_device(std::string_view words) {
  constexpr std::string_view kWords[] = {"", "cpu", "cuda", "auto", "cuda-emulated"};
  return std::ranges::find(kWords, words) != std::end(kWords) || named_architecture(words) > 0;
}

DeviceChoice read_device(std::string_view words) {
  if (!says_device(words)) {
    throw Error(fmt::format("there is no device '{}'", words), {},
                fmt::format("say {}", kDeviceWords));
  }
  if (words == "auto") {
    std::string why = settled_why_not_cuda();
    return why.empty() ? DeviceChoice{DeviceKind::Cuda}
                       : DeviceChoice{DeviceKind::Cpu, 0, std::move(why)};
  }
  if (words == "cuda-emulated") return {DeviceKind::Emulated};
  if (words.starts_with("cuda")) return {DeviceKind::Cuda, named_architecture(words)};
  return {};
}

std::string device_words(const DeviceChoice& choice) {
  if (choice.kind == DeviceKind::Cpu) return "cpu";
  if (choice.kind == DeviceKind::Emulated) return "cuda-emulated";
  return fmt::format("cuda:sm_{}", architecture_for(choice));
}

std::shared_ptr<Device> device_for(const DeviceChoice& choice) {
  switch (choice.kind) {
    case DeviceKind::Cpu:
      return nullptr;
    case DeviceKind::Cuda:
      return cuda_device();
    case DeviceKind::Emulated: {
      static auto& device = lasting<std::shared_ptr<Device>>(emulated_device(emulated_options()));
      return device;
    }
  }
  NODEC_CHECK(false, "a device numbered {}", int(choice.kind));
}

int architecture_for(const DeviceChoice& choice) {
  if (choice.architecture > 0) return choice.architecture;
  const auto device = device_for(choice);
  return device == nullptr ? 0 : device->limits().architecture;
}

}  // namespace nodec
