// Opening the driver, and its results in words.
#include "runtime/cuda/driver.h"

#include <array>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "ir/error.h"
#include "ir/lasting.h"
#include "runtime/cuda/shared_library.h"

namespace nodec::cuda {
namespace {

std::string place_from_environment() {
  const char* named = std::getenv("NODEC_CUDA_DRIVER");
  return named != nullptr && *named != 0 ? named : "libcuda.so.1";
}

// A message's first line.
std::string first_line(const Error& error) {
  return error.message().substr(0, error.message().find('\n'));
}

}  // namespace

std::string Driver::words(Result result) const {
  const char *name = nullptr, *text = nullptr;
  if (functions_.error_name != nullptr) functions_.error_name(result, &name);
  if (functions_.error_words != nullptr) functions_.error_words(result, &text);
  if (name == nullptr) return fmt::format("result {}", result);
  return text == nullptr ? name : fmt::format("{}: {}", name, text);
}

void Driver::open_from(const std::string& place) {
  const SharedLibrary library({place});
  if (!library.is_open()) {
    std::string why = library.trouble();
    why.erase(0, why.find_first_not_of(" \n"));
    throw Error(fmt::format("there is no driver of a GPU: {}", why), {},
                "install NVIDIA's driver, or name its libcuda.so.1 in NODEC_CUDA_DRIVER");
  }
  std::string missing;
#define NODEC_CUDA_FIND(name, symbol, parameters) \
  library.find(#symbol, functions_.name);         \
  if (functions_.name == nullptr) missing = missing.empty() ? #symbol : missing + ", " #symbol;
  NODEC_CUDA_FUNCTIONS(NODEC_CUDA_FIND)
#undef NODEC_CUDA_FIND
  if (functions_.driver_version != nullptr) functions_.driver_version(&version_);
  if (!missing.empty()) {
    throw Error(fmt::format("the GPU's driver {} (CUDA {}.{}) is too old: it lacks {}",
                            library.path(), version_ / 1000, version_ % 1000 / 10, missing),
                {}, "install the driver of CUDA 12 or newer");
  }
  if (const Result result = functions_.init(0); result != kSuccess) {
    throw Error(
        fmt::format("the GPU's driver {} does not start: {}", library.path(), words(result)), {},
        result == kNoDevice ? "run on a machine with a GPU, or on --device cpu"
                            : "see whether nvidia-smi works");
  }
}

std::shared_ptr<const Driver> Driver::open() {
  static std::mutex mutex;
  static auto& place = lasting<std::string>();
  static auto& driver = lasting<std::shared_ptr<const Driver>>();
  const std::lock_guard lock(mutex);
  const std::string wanted = place_from_environment();
  if (driver != nullptr && place == wanted) return driver;
  std::shared_ptr<Driver> fresh(new Driver);
  fresh->open_from(wanted);
  place = wanted;
  return driver = fresh;
}

bool is_lost(Result result) {
  constexpr std::array lost{kUncorrectable,       kIllegalAddress,     kLaunchTimeout,
                            kHardwareStack,       kIllegalInstruction, kMisalignedAddress,
                            kInvalidAddressSpace, kInvalidPc,          kLaunchFailed};
  for (const Result one : lost) {
    if (result == one) return true;
  }
  return false;
}

std::optional<std::string> why_no_gpu() {
  try {
    const auto driver = Driver::open();
    int count = 0;
    const Result result = (*driver)->device_count(&count);
    if (result != kSuccess) return driver->words(result);
    if (count == 0) return "the driver sees no GPU";
    return std::nullopt;
  } catch (const Error& error) {
    return first_line(error);
  }
}

}  // namespace nodec::cuda
