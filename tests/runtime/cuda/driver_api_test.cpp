// Our declarations of the driver against CUDA's own, where these are installed.
#include "runtime/cuda/driver_api.h"

#include <doctest/doctest.h>

#if __has_include(<cuda.h>)
#include <cuda.h>

#include <cstddef>

using namespace nodec::cuda;

static_assert(sizeof(CUlaunchConfig) == sizeof(LaunchConfig));
static_assert(offsetof(CUlaunchConfig, sharedMemBytes) == offsetof(LaunchConfig, shared_bytes));
static_assert(offsetof(CUlaunchConfig, hStream) == offsetof(LaunchConfig, stream));
static_assert(offsetof(CUlaunchConfig, attrs) == offsetof(LaunchConfig, attributes));
static_assert(offsetof(CUlaunchConfig, numAttrs) == offsetof(LaunchConfig, attribute_count));
static_assert(sizeof(CUlaunchAttribute) == sizeof(LaunchAttribute));
static_assert(offsetof(CUlaunchAttribute, value) == offsetof(LaunchAttribute, cluster));
static_assert(int(CU_LAUNCH_ATTRIBUTE_COOPERATIVE) == LaunchAttribute::kCooperative);
static_assert(int(CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION) == LaunchAttribute::kClusterDimension);
static_assert(int(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) == int(kMaxDynamicShared));
static_assert(int(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK) == int(kMaxThreadsPerBlock));
static_assert(int(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT) == int(kProcessorCount));
static_assert(int(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) == int(kCapabilityMajor));
static_assert(int(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR) == int(kCapabilityMinor));
static_assert(int(CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH) == int(kCooperativeLaunch));
static_assert(int(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN) == int(kMaxSharedOptIn));
static_assert(int(CUDA_ERROR_OUT_OF_MEMORY) == int(kOutOfMemory));
static_assert(int(CUDA_ERROR_NO_DEVICE) == int(kNoDevice));
static_assert(int(CUDA_ERROR_NO_BINARY_FOR_GPU) == int(kNoBinary));
static_assert(int(CUDA_ERROR_ECC_UNCORRECTABLE) == int(kUncorrectable));
static_assert(int(CUDA_ERROR_INVALID_PTX) == int(kInvalidPtx));
static_assert(int(CUDA_ERROR_UNSUPPORTED_PTX_VERSION) == int(kUnsupportedPtx));
static_assert(int(CUDA_ERROR_ILLEGAL_ADDRESS) == int(kIllegalAddress));
static_assert(int(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES) == int(kLaunchOutOfResources));
static_assert(int(CUDA_ERROR_LAUNCH_TIMEOUT) == int(kLaunchTimeout));
static_assert(int(CUDA_ERROR_INVALID_PC) == int(kInvalidPc));
static_assert(int(CUDA_ERROR_LAUNCH_FAILED) == int(kLaunchFailed));
static_assert(int(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE) == int(kCooperativeTooLarge));
static_assert(sizeof(CUdeviceptr) == sizeof(Address));

TEST_CASE("the driver is declared as CUDA declares it") { CHECK(true); }
#else
TEST_CASE("the driver is declared as CUDA declares it") { MESSAGE("skipped: cuda.h is not here"); }
#endif
