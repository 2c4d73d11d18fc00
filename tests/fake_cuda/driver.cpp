// A driver for tests: the functions of libcuda.so.1 that nodec calls, over the emulator. Devices
// differ by number. Any function can be told to fail; what a program does wrong (a copy past an
// allocation, a launch of a size that was not allowed, a call in no context) fails as on a real
// device. A module's image is CUDA C++ text.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <regex>
#include <string>
#include <vector>

#include "ir/error.h"
#include "runtime/cuda/driver_api.h"
#include "runtime/emulator/emulator.h"

using namespace nodec::cuda;
namespace emu = nodec::emulator;

namespace fake {

struct Model {
  const char* name;
  int architecture;
  int processors;
  int shared_bytes;
  std::size_t memory;
};
// Two alike, so that one may get lost.
inline constexpr std::array kModels{Model{"Fake H100", 90, 8, 227 << 10, std::size_t{1} << 30},
                                    Model{"Fake A100", 80, 8, 163 << 10, std::size_t{1} << 30},
                                    Model{"Fake RTX 5090", 120, 8, 99 << 10, std::size_t{1} << 20},
                                    Model{"Fake H100", 90, 8, 227 << 10, std::size_t{1} << 30}};
inline constexpr std::size_t kDeviceSharedUnasked = 48 << 10;

}  // namespace fake
using namespace fake;

struct nodec::cuda::ContextHandle {
  int number = 0;
  const Model* model = nullptr;
  Result lost = kSuccess;
  std::size_t used = 0;
  std::map<Address, std::size_t> allocated;
};
struct nodec::cuda::ModuleHandle {
  std::string text;
};
struct nodec::cuda::FunctionHandle {
  std::shared_ptr<const emu::Program> program;
  int member_threads = 32;
  std::size_t shared_allowed = kDeviceSharedUnasked;
};
struct nodec::cuda::StreamHandle {
  ContextHandle* context = nullptr;
};

namespace {

struct Planned {
  Result result;
  long long after;  // calls of it that succeed before
};

struct State {
  std::recursive_mutex mutex;
  std::array<ContextHandle, kModels.size()> contexts;
  std::map<std::string, Planned, std::less<>> planned;
  std::map<std::string, long long, std::less<>> calls;
  long long version = 13000;
  std::vector<void*> pinned;
  long long streams = 0, modules = 0;
};
State& state() {
  static auto* made = new State;
  return *made;
}
thread_local ContextHandle* current = nullptr;

// What a call of this function is to return before it does anything.
Result begin(const char* function) {
  State& s = state();
  ++s.calls[function];
  const auto planned = s.planned.find(std::string_view(function));
  if (planned == s.planned.end() || planned->second.after-- > 0) return kSuccess;
  const Result result = planned->second.result;
  s.planned.erase(planned);
  // A device that failed stays so.
  const bool sticks =
      result >= kIllegalAddress && result <= kLaunchFailed && result != kLaunchOutOfResources;
  if (sticks && current != nullptr) current->lost = result;
  return result;
}

// The same of one that needs a context.
Result begin_in_context(const char* function) {
  if (const Result result = begin(function); result != kSuccess) return result;
  if (current == nullptr) return 201;  // CUDA_ERROR_INVALID_CONTEXT
  return current->lost;
}

bool holds(Address address, std::size_t bytes) {
  const auto after = current->allocated.upper_bound(address);
  if (after == current->allocated.begin()) return false;
  const auto& [begin, size] = *std::prev(after);
  return address - begin + bytes <= size;
}

void* pointer(Address address) { return reinterpret_cast<void*>(address); }

Result run(const LaunchConfig& config, const FunctionHandle& function, void** parameters,
           bool is_team) {
  emu::Launch launch;
  launch.blocks = int(config.grid_x);
  launch.threads = int(config.block_x);
  launch.member_threads = function.member_threads;
  launch.team = is_team;
  launch.shared_bytes = config.shared_bytes;
  emu::Memory memory;
  const void* const arguments[] = {parameters[0]};
  const auto found = emu::run(*function.program, launch, arguments, memory);
  for (const auto& finding : found) std::fprintf(stderr, "fake GPU: %s\n", finding.text.c_str());
  if (!found.empty()) current->lost = kLaunchFailed;
  return kSuccess;  // a launch's failure shows when somebody waits for it
}

}  // namespace

#define NODEC_FAKE extern "C" __attribute__((visibility("default")))
#define NODEC_BEGIN                          \
  const std::lock_guard lock(state().mutex); \
  if (const Result planned = begin(__func__); planned != kSuccess) return planned
#define NODEC_BEGIN_IN_CONTEXT               \
  const std::lock_guard lock(state().mutex); \
  if (const Result planned = begin_in_context(__func__); planned != kSuccess) return planned

// For tests. "fail NAME": its call number value >> 16 from now on returns value & 0xffff. "calls
// NAME": how often it was called. "version": set. "held": bytes, modules, streams and pinned
// allocations that nobody gave back.
NODEC_FAKE long long nodec_fake_cuda(const char* what, long long value) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  const std::string_view text = what;
  if (text.starts_with("fail ")) {
    s.planned[std::string(text.substr(5))] = {Result(value & 0xffff), value >> 16};
  } else if (text.starts_with("calls ")) {
    const auto found = s.calls.find(text.substr(6));
    return found == s.calls.end() ? 0 : found->second;
  } else if (text == "version") {
    s.version = value;
  } else if (text == "held") {
    long long held = s.streams + s.modules + (long long)s.pinned.size();
    for (const ContextHandle& context : s.contexts) held += (long long)context.used;
    return held;
  }
  return 0;
}

NODEC_FAKE Result cuInit(unsigned) {
  NODEC_BEGIN;
  return kSuccess;
}

NODEC_FAKE Result cuDriverGetVersion(int* version) {
  *version = int(state().version);
  return kSuccess;
}

NODEC_FAKE Result cuGetErrorName(Result result, const char** name) {
  static const std::map<Result, const char*> names{
      {kOutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY"},
      {kNoDevice, "CUDA_ERROR_NO_DEVICE"},
      {kUnsupportedPtx, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
      {kIllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {kLaunchFailed, "CUDA_ERROR_LAUNCH_FAILED"}};
  const auto found = names.find(result);
  *name = found == names.end() ? nullptr : found->second;
  return found == names.end() ? kInvalidValue : kSuccess;
}

NODEC_FAKE Result cuGetErrorString(Result, const char** words) {
  *words = nullptr;
  return kInvalidValue;
}

NODEC_FAKE Result cuDeviceGetCount(int* count) {
  NODEC_BEGIN;
  *count = int(kModels.size());
  return kSuccess;
}

NODEC_FAKE Result cuDeviceGet(Ordinal* device, int number) {
  NODEC_BEGIN;
  if (number < 0 || number >= int(kModels.size())) return kInvalidDevice;
  *device = number;
  return kSuccess;
}

NODEC_FAKE Result cuDeviceGetName(char* name, int bytes, Ordinal device) {
  NODEC_BEGIN;
  std::snprintf(name, std::size_t(bytes), "%s", kModels[std::size_t(device)].name);
  return kSuccess;
}

NODEC_FAKE Result cuDeviceTotalMem_v2(std::size_t* bytes, Ordinal device) {
  NODEC_BEGIN;
  *bytes = kModels[std::size_t(device)].memory;
  return kSuccess;
}

NODEC_FAKE Result cuDeviceGetAttribute(int* value, int attribute, Ordinal device) {
  NODEC_BEGIN;
  const Model& model = kModels[std::size_t(device)];
  switch (attribute) {
    case kMaxThreadsPerBlock:
      *value = 1024;
      return kSuccess;
    case kProcessorCount:
      *value = model.processors;
      return kSuccess;
    case kCapabilityMajor:
      *value = model.architecture / 10;
      return kSuccess;
    case kCapabilityMinor:
      *value = model.architecture % 10;
      return kSuccess;
    case kCooperativeLaunch:
      *value = 1;
      return kSuccess;
    case kMaxSharedOptIn:
      *value = model.shared_bytes;
      return kSuccess;
    default:
      return kInvalidValue;
  }
}

NODEC_FAKE Result cuDevicePrimaryCtxRetain(ContextHandle** context, Ordinal device) {
  NODEC_BEGIN;
  ContextHandle& made = state().contexts[std::size_t(device)];
  made.number = device;
  made.model = &kModels[std::size_t(device)];
  *context = &made;
  return kSuccess;
}

NODEC_FAKE Result cuCtxSetCurrent(ContextHandle* context) {
  NODEC_BEGIN;
  current = context;
  return kSuccess;
}

NODEC_FAKE Result cuModuleLoadData(ModuleHandle** module, const void* image) {
  NODEC_BEGIN_IN_CONTEXT;
  const std::string text = static_cast<const char*>(image);
  if (text.find("NODEC_ENTRY(") == std::string::npos) return kInvalidImage;
  *module = new ModuleHandle{text};
  ++state().modules;
  return kSuccess;
}

NODEC_FAKE Result cuModuleUnload(ModuleHandle* module) {
  const std::lock_guard lock(state().mutex);
  const Result result = begin_in_context(__func__);
  delete module;  // even of a device that is lost
  --state().modules;
  return result;
}

NODEC_FAKE Result cuModuleGetFunction(FunctionHandle** function, ModuleHandle* module,
                                      const char* name) {
  NODEC_BEGIN_IN_CONTEXT;
  static std::vector<std::unique_ptr<FunctionHandle>> made;  // as long as the process
  try {
    auto fresh = std::make_unique<FunctionHandle>();
    fresh->program = emu::Program::compile({module->text, name});
    static const std::regex parts(R"(#define NODEC_PARTS (\d+))");
    std::smatch match;
    if (std::regex_search(module->text, match, parts)) {
      fresh->member_threads = 32 * std::stoi(match[1]);
    }
    *function = fresh.get();
    made.push_back(std::move(fresh));
    return kSuccess;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "fake GPU: %s\n", failure.what());
    return kNotFound;
  }
}

NODEC_FAKE Result cuFuncSetAttribute(FunctionHandle* function, int attribute, int value) {
  NODEC_BEGIN_IN_CONTEXT;
  if (attribute != kMaxDynamicShared || value > current->model->shared_bytes) return kInvalidValue;
  function->shared_allowed = std::size_t(value);
  return kSuccess;
}

NODEC_FAKE Result cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, FunctionHandle* function,
                                                              int threads,
                                                              std::size_t shared_bytes) {
  NODEC_BEGIN_IN_CONTEXT;
  *blocks = threads > 1024 || shared_bytes > function->shared_allowed ? 0 : 1;
  return kSuccess;
}

NODEC_FAKE Result cuMemGetInfo_v2(std::size_t* left, std::size_t* total) {
  NODEC_BEGIN_IN_CONTEXT;
  *total = current->model->memory;
  *left = *total - current->used;
  return kSuccess;
}

NODEC_FAKE Result cuMemAlloc_v2(Address* address, std::size_t bytes) {
  NODEC_BEGIN_IN_CONTEXT;
  if (bytes == 0) return kInvalidValue;
  if (bytes > current->model->memory - current->used) return kOutOfMemory;
  *address = reinterpret_cast<Address>(std::aligned_alloc(512, (bytes + 511) / 512 * 512));
  current->allocated[*address] = bytes;
  current->used += bytes;
  return kSuccess;
}

NODEC_FAKE Result cuMemFree_v2(Address address) {
  NODEC_BEGIN_IN_CONTEXT;
  const auto found = current->allocated.find(address);
  if (found == current->allocated.end()) return kInvalidValue;
  current->used -= found->second;
  current->allocated.erase(found);
  std::free(pointer(address));
  return kSuccess;
}

NODEC_FAKE Result cuMemHostAlloc(void** address, std::size_t bytes, unsigned) {
  NODEC_BEGIN_IN_CONTEXT;
  *address = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  state().pinned.push_back(*address);
  return kSuccess;
}

NODEC_FAKE Result cuMemFreeHost(void* address) {
  NODEC_BEGIN_IN_CONTEXT;
  std::erase(state().pinned, address);
  std::free(address);
  return kSuccess;
}

NODEC_FAKE Result cuMemcpyHtoDAsync_v2(Address to, const void* from, std::size_t bytes,
                                       StreamHandle* stream) {
  NODEC_BEGIN_IN_CONTEXT;
  if (stream->context != current || !holds(to, bytes)) return kInvalidValue;
  std::memcpy(pointer(to), from, bytes);
  return kSuccess;
}

NODEC_FAKE Result cuMemcpyDtoHAsync_v2(void* to, Address from, std::size_t bytes,
                                       StreamHandle* stream) {
  NODEC_BEGIN_IN_CONTEXT;
  if (stream->context != current || !holds(from, bytes)) return kInvalidValue;
  std::memcpy(to, pointer(from), bytes);
  return kSuccess;
}

NODEC_FAKE Result cuMemcpyDtoDAsync_v2(Address to, Address from, std::size_t bytes,
                                       StreamHandle* stream) {
  NODEC_BEGIN_IN_CONTEXT;
  if (stream->context != current || !holds(to, bytes) || !holds(from, bytes)) return kInvalidValue;
  std::memmove(pointer(to), pointer(from), bytes);
  return kSuccess;
}

NODEC_FAKE Result cuMemsetD8Async(Address to, unsigned char byte, std::size_t bytes,
                                  StreamHandle* stream) {
  NODEC_BEGIN_IN_CONTEXT;
  if (stream->context != current || !holds(to, bytes)) return kInvalidValue;
  std::memset(pointer(to), byte, bytes);
  return kSuccess;
}

NODEC_FAKE Result cuStreamCreate(StreamHandle** stream, unsigned) {
  NODEC_BEGIN_IN_CONTEXT;
  *stream = new StreamHandle{current};
  ++state().streams;
  return kSuccess;
}

NODEC_FAKE Result cuStreamDestroy_v2(StreamHandle* stream) {
  NODEC_BEGIN;
  delete stream;
  --state().streams;
  return kSuccess;
}

NODEC_FAKE Result cuStreamSynchronize(StreamHandle* stream) {
  NODEC_BEGIN_IN_CONTEXT;
  return stream->context == current ? kSuccess : kInvalidValue;
}

NODEC_FAKE Result cuLaunchKernelEx(const LaunchConfig* config, FunctionHandle* function,
                                   void** parameters, void**) {
  NODEC_BEGIN_IN_CONTEXT;
  if (config->shared_bytes > function->shared_allowed) return kInvalidValue;
  bool is_team = config->grid_x == 1;
  for (unsigned i = 0; i < config->attribute_count; ++i) {
    const LaunchAttribute& attribute = config->attributes[i];
    if (attribute.id == LaunchAttribute::kClusterDimension) {
      if (current->model->architecture < 90 || attribute.cluster.x > 8 ||
          config->grid_x % attribute.cluster.x != 0) {
        return 912;  // CUDA_ERROR_INVALID_CLUSTER_SIZE
      }
      is_team = is_team || attribute.cluster.x == config->grid_x;
    }
    if (attribute.id == LaunchAttribute::kCooperative) {
      if (int(config->grid_x) > current->model->processors) return kCooperativeTooLarge;
      is_team = true;
    }
  }
  return run(*config, *function, parameters, is_team);
}
