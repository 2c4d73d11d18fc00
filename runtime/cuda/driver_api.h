// As much of CUDA's driver interface as is called, in our own declarations: nothing of CUDA's
// headers is needed to build. tests/runtime/cuda compares them with cuda.h where that is installed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nodec::cuda {

using Result = int;
using Ordinal = int;
using Address = unsigned long long;
struct ContextHandle;
struct ModuleHandle;
struct FunctionHandle;
struct StreamHandle;

// Results that are told apart.
enum : Result {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kInvalidImage = 200,
  kNoBinary = 209,
  kUncorrectable = 214,
  kInvalidPtx = 218,
  kUnsupportedPtx = 222,
  kNotFound = 500,
  kIllegalAddress = 700,
  kLaunchOutOfResources = 701,
  kLaunchTimeout = 702,
  kHardwareStack = 714,
  kIllegalInstruction = 715,
  kMisalignedAddress = 716,
  kInvalidAddressSpace = 717,
  kInvalidPc = 718,
  kLaunchFailed = 719,
  kCooperativeTooLarge = 720,
  kNotSupported = 801,
};

enum DeviceAttribute : int {
  kMaxThreadsPerBlock = 1,
  kProcessorCount = 16,
  kCapabilityMajor = 75,
  kCapabilityMinor = 76,
  kCooperativeLaunch = 95,
  kMaxSharedOptIn = 97,
};
enum FunctionAttribute : int { kMaxDynamicShared = 8 };

struct ClusterDimension {
  unsigned x, y, z;
};
struct LaunchAttribute {
  enum Id : int { kCooperative = 2, kClusterDimension = 4 };
  Id id;
  char pad[4];
  union {
    char bytes[64];
    ClusterDimension cluster;
    int cooperative;
  };
};
static_assert(sizeof(LaunchAttribute) == 72);

struct LaunchConfig {
  unsigned grid_x, grid_y, grid_z;
  unsigned block_x, block_y, block_z;
  unsigned shared_bytes;
  StreamHandle* stream;
  LaunchAttribute* attributes;
  unsigned attribute_count;
};
static_assert(sizeof(LaunchConfig) == 56);

// Name here, symbol, parameters; every one returns a Result.
#define NODEC_CUDA_FUNCTIONS(F)                                                              \
  F(init, cuInit, (unsigned flags))                                                          \
  F(driver_version, cuDriverGetVersion, (int* version))                                      \
  F(error_name, cuGetErrorName, (Result result, const char** name))                          \
  F(error_words, cuGetErrorString, (Result result, const char** words))                      \
  F(device_count, cuDeviceGetCount, (int* count))                                            \
  F(device, cuDeviceGet, (Ordinal * device, int number))                                     \
  F(device_name, cuDeviceGetName, (char* name, int bytes, Ordinal device))                   \
  F(device_memory, cuDeviceTotalMem_v2, (std::size_t * bytes, Ordinal device))               \
  F(device_attribute, cuDeviceGetAttribute, (int* value, int attribute, Ordinal device))     \
  F(retain_context, cuDevicePrimaryCtxRetain, (ContextHandle * *context, Ordinal device))    \
  F(set_context, cuCtxSetCurrent, (ContextHandle * context))                                 \
  F(load_module, cuModuleLoadData, (ModuleHandle * *module, const void* image))              \
  F(unload_module, cuModuleUnload, (ModuleHandle * module))                                  \
  F(get_function, cuModuleGetFunction,                                                       \
    (FunctionHandle * *function, ModuleHandle * module, const char* name))                   \
  F(set_function, cuFuncSetAttribute, (FunctionHandle * function, int attribute, int value)) \
  F(blocks_resident, cuOccupancyMaxActiveBlocksPerMultiprocessor,                            \
    (int* blocks, FunctionHandle* function, int threads, std::size_t shared_bytes))          \
  F(memory_left, cuMemGetInfo_v2, (std::size_t * free, std::size_t * total))                 \
  F(allocate, cuMemAlloc_v2, (Address * address, std::size_t bytes))                         \
  F(free, cuMemFree_v2, (Address address))                                                   \
  F(allocate_host, cuMemHostAlloc, (void** address, std::size_t bytes, unsigned flags))      \
  F(free_host, cuMemFreeHost, (void* address))                                               \
  F(copy_in, cuMemcpyHtoDAsync_v2,                                                           \
    (Address to, const void* from, std::size_t bytes, StreamHandle* stream))                 \
  F(copy_out, cuMemcpyDtoHAsync_v2,                                                          \
    (void* to, Address from, std::size_t bytes, StreamHandle* stream))                       \
  F(copy, cuMemcpyDtoDAsync_v2,                                                              \
    (Address to, Address from, std::size_t bytes, StreamHandle * stream))                    \
  F(fill, cuMemsetD8Async,                                                                   \
    (Address to, unsigned char byte, std::size_t bytes, StreamHandle* stream))               \
  F(create_stream, cuStreamCreate, (StreamHandle * *stream, unsigned flags))                 \
  F(destroy_stream, cuStreamDestroy_v2, (StreamHandle * stream))                             \
  F(synchronize, cuStreamSynchronize, (StreamHandle * stream))                               \
  F(launch, cuLaunchKernelEx,                                                                \
    (const LaunchConfig* config, FunctionHandle* function, void** parameters, void** extra))

struct DriverFunctions {
#define NODEC_CUDA_MEMBER(name, symbol, parameters) Result(*name) parameters = nullptr;
  NODEC_CUDA_FUNCTIONS(NODEC_CUDA_MEMBER)
#undef NODEC_CUDA_MEMBER
};

}  // namespace nodec::cuda
