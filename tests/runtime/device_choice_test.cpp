// Where a program runs, from the words to its result; on a driver and an NVRTC of the tests' own.
#include "runtime/device_choice.h"

#include <doctest/doctest.h>

#include "runtime/cuda/compile.h"
#include "tests/runtime/cuda/programs.h"
#include "tests/setting.h"
#include "tests/temporary_folder.h"

using namespace nodec;
using namespace nodec::testing;
using DeviceKind = DeviceChoice::Kind;

namespace {

// Compiled and run as chosen: the first of y = 3 x, back to front.
float last_of_tripled(const DeviceChoice& choice) {
  const KernelObject object = unpack(gpu_doubling().object);
  const bool emulated = choice.kind == DeviceKind::Emulated;
  Artifact artifact = gpu_doubling();
  artifact.object = compile_kernel(object.launch, object.text, "doubling",
                                   emulated ? 0 : architecture_for(choice))
                        .object;
  const Tensor x = Tensor::of<float>({2, 2}, {1, 2, 3, 4}), k = Tensor::scalar(3.0F);
  const TensorView inputs[] = {x, k};
  return load_on(device_for(choice), artifact)->run(inputs)[0].values<float>()[0];
}

}  // namespace

TEST_CASE("the words for a device") {
  for (const char* words : {"", "cpu", "cuda", "cuda:sm_90", "auto", "cuda-emulated"}) {
    CHECK(says_device(words));
  }
  CHECK(read_device("cpu").kind == DeviceKind::Cpu);
  CHECK(read_device("cuda").kind == DeviceKind::Cuda);
  CHECK(read_device("cuda:sm_90").architecture == 90);
  CHECK(read_device("cuda-emulated").kind == DeviceKind::Emulated);
  for (const char* words : {"gpu", "cuda:", "cuda:sm_", "cuda:sm_9x", "cuda:sm_-1", "CUDA"}) {
    CHECK_FALSE(says_device(words));
    CHECK(message([&] { read_device(words); }) ==
          fmt::format("error: there is no device '{}'\n  help: say cpu, cuda, cuda:sm_N, auto or "
                      "cuda-emulated",
                      words));
  }
  CHECK(device_for({}) == nullptr);
}

TEST_CASE("auto takes a GPU that can be used, or says why not") {
  {
    const Setting driver("NODEC_CUDA_DRIVER", "/nowhere");
    const DeviceChoice choice = read_device("auto");
    CHECK(choice.kind == DeviceKind::Cpu);
    CHECK(choice.why ==
          "there is no driver of a GPU: /nowhere: cannot open shared object file: No such file or "
          "directory");
  }
  const Setting driver("NODEC_CUDA_DRIVER", NODEC_FAKE_CUDA);
  {
    const Setting nvrtc("NODEC_NVRTC", "/nowhere/libnvrtc.so");
    const DeviceChoice choice = read_device("auto");
    CHECK(choice.kind == DeviceKind::Cpu);
    CHECK(choice.why == "NVRTC, the compiler of GPU programs, is not to be found");
  }
  const Setting nvrtc("NODEC_NVRTC", NODEC_FAKE_NVRTC);
  CHECK(read_device("auto").kind == DeviceKind::Cuda);
}

TEST_CASE("auto is settled once for a process") {
  const TemporaryFolder folder;
  const std::filesystem::path copy = folder.path() / "libnvrtc.so";
  std::filesystem::copy_file(NODEC_FAKE_NVRTC, copy);
  const Setting driver("NODEC_CUDA_DRIVER", NODEC_FAKE_CUDA), nvrtc("NODEC_NVRTC", copy.c_str());
  CHECK(read_device("auto").kind == DeviceKind::Cuda);
  std::filesystem::remove(copy);
  CHECK(read_device("auto").kind == DeviceKind::Cuda);
}

TEST_CASE("a text is compiled for the device that is there, and runs on it") {
  const Setting driver("NODEC_CUDA_DRIVER", NODEC_FAKE_CUDA);
  const Setting nvrtc("NODEC_NVRTC", NODEC_FAKE_NVRTC);
  CHECK(last_of_tripled(read_device("cuda")) == 12);
  CHECK(last_of_tripled(read_device("cuda-emulated")) == 12);
  CHECK(architecture_for(read_device("cuda")) == 90);
  CHECK(compile_kernel({}, "text", "t", 90).registers == 42);
  CHECK(message([] { last_of_tripled(read_device("cuda:sm_120")); }).find("compiled for sm_120") !=
        std::string::npos);
}

TEST_CASE("an architecture that NVRTC does not know is refused with those it does") {
  const Setting nvrtc("NODEC_NVRTC", NODEC_FAKE_NVRTC);
  CHECK(message([] { compile_kernel({}, "text", "decay", 61); }) ==
        "error: 'decay' cannot be compiled for sm_61: NVRTC 13.0 compiles for sm_80, sm_90, "
        "sm_120\n  help: take one of those, or name another NVRTC in NODEC_NVRTC; this one is " +
            std::string(NODEC_FAKE_NVRTC));
  CHECK(message([] {
          compile_kernel({}, "#error", "decay", 90);
        }).find("error: the text says #error") != std::string::npos);
}
