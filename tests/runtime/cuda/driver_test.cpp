// The driver's side, on a driver of the tests' own: buffers, streams, launches, and every
// failure in words.
#include "runtime/cuda/driver.h"

#include <doctest/doctest.h>

#include <thread>

#include "ir/status.h"
#include "runtime/cuda/cuda_device.h"
#include "runtime/device_tensor.h"
#include "tests/contains.h"
#include "tests/fake_cuda/fake.h"
#include "tests/runtime/cuda/programs.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

Tensor ramp(std::int64_t samples) {
  Tensor x(Dtype::F32, {2, samples});
  for (std::int64_t i = 0; i < 2 * samples; ++i) x.values<float>()[std::size_t(i)] = float(i);
  return x;
}

}  // namespace

TEST_CASE("without a driver the reason is one line") {
  const Setting setting("NODEC_CUDA_DRIVER", "/nowhere/libcuda.so.1");
  CHECK(cuda::why_no_gpu() ==
        "there is no driver of a GPU: /nowhere/libcuda.so.1: cannot open shared object file: No "
        "such file or directory");
  CHECK(contains(message([] { cuda_device(); }), "name its libcuda.so.1 in NODEC_CUDA_DRIVER"));
}

TEST_CASE("a program runs through the driver in every form") {
  FakeCuda fake;
  CHECK(!cuda::why_no_gpu());
  const auto program = load_on(cuda_device(), gpu_doubling(true));
  const Tensor k = Tensor::scalar(3.0F);
  for (const auto form : {TeamChoice::Form::Any, TeamChoice::Form::Block, TeamChoice::Form::Cluster,
                          TeamChoice::Form::Grid}) {
    const Tensor x = ramp(100);
    const TensorView inputs[] = {x, k};
    CallOptions options;
    options.team.form = form;
    const Tensor y = std::move(program->run(inputs, options).at(0));
    for (int i = 0; i < 200; ++i) CHECK(y.values<float>()[std::size_t(i)] == 3 * float(199 - i));
  }
  CHECK(program->counts().launches == 4);
}

TEST_CASE("a call copies once there and once back, and launches once") {
  FakeCuda fake;
  const auto program = load_on(cuda_device(), gpu_doubling(true));
  const Tensor x = ramp(100), k = Tensor::scalar(3.0F);
  const TensorView inputs[] = {x, k};
  program->run(inputs);
  const auto counted = [&] {
    return std::vector<long long>{
        fake.calls("cuMemcpyHtoDAsync_v2"), fake.calls("cuMemcpyDtoHAsync_v2"),
        fake.calls("cuLaunchKernelEx"),     fake.calls("cuMemAlloc_v2"),
        fake.calls("cuMemHostAlloc"),       fake.calls("cuStreamCreate")};
  };
  const auto before = counted();
  program->run(inputs);
  auto after = counted();
  for (std::size_t i = 0; i < after.size(); ++i) after[i] -= before[i];
  CHECK(after == std::vector<long long>{1, 1, 1, 0, 0, 0});
}

TEST_CASE("calls of several threads have a stream each") {
  FakeCuda fake;
  const auto program = load_on(cuda_device(), gpu_doubling(true));
  std::vector<std::thread> threads;
  std::vector<int> right(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int turn = 0; turn < 5; ++turn) {
        const Tensor x = ramp(40), k = Tensor::scalar(float(t));
        const TensorView inputs[] = {x, k};
        const auto y = program->run(inputs);
        right[std::size_t(t)] += y[0].values<float>()[0] == float(t) * 79.0F ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::vector<int>{5, 5, 5, 5});
}

TEST_CASE("a full tape launches again through the driver") {
  FakeCuda fake;
  const auto program = load_on(cuda_device(), gpu_taping(true));
  const Tensor n = Tensor::scalar(std::int64_t{30});
  const TensorView inputs[] = {n};
  CHECK(program->run(inputs)[0].values<std::int64_t>()[1] == 29);
  CHECK(program->counts().launches == 3);
  CHECK(program->tape_growths() == 2);
}

TEST_CASE("whatever was taken of a device is given back") {
  FakeCuda fake;
  {
    const DeviceTensor warm(cuda_device(), ramp(1));  // the stream for copies stays
  }
  const long long before = fake.held();
  {
    const auto device = cuda_device();
    const auto program = load_on(device, gpu_doubling(true));
    const DeviceTensor x(device, ramp(50)), k(device, Tensor::scalar(2.0F));
    const TensorView inputs[] = {x, k};
    program->run(inputs);
    CHECK(fake.held() > before);
  }
  CHECK(fake.held() == before);
}

TEST_CASE("what a device has no room for is named, with the sizes") {
  FakeCuda fake;
  const auto device = cuda_device(2);
  const std::string told = message([&] { DeviceTensor(device, Dtype::F32, {1 << 20}); });
  CHECK(told ==
        "error: Fake RTX 5090 (cuda:2) has no room for an array of 4.0 MiB: 1.0 MiB of 1.0 MiB are "
        "free\n  help: take a smaller batch, or end what else uses the device");
  // A program that asks for too much at one batch still runs at another.
  Artifact artifact = gpu_doubling(true);
  KernelObject object = unpack(artifact.object);
  object.architecture = 120;
  artifact.object = pack(object);
  const auto program = load_on(device, artifact);
  const auto run = [&](std::int64_t batch) {
    const Tensor x = ramp(batch), k = Tensor::scalar(1.0F);
    const TensorView inputs[] = {x, k};
    return message([&] { program->run(inputs); });
  };
  CHECK(contains(run(200000), "has no room for 'copy' of 1.5 MiB"));
  CHECK(run(100) == "no error");
  fake.fail("cuMemHostAlloc", cuda::kOutOfMemory);
  CHECK(contains(run(3000), "of memory for copies to and from Fake RTX 5090 (cuda:2)"));
  CHECK(run(3000) == "no error");
}

TEST_CASE("a device that is lost says so, and stays lost") {
  FakeCuda fake;
  const auto program = load_on(cuda_device(3), gpu_doubling(true));
  const Tensor x = ramp(10), k = Tensor::scalar(1.0F);
  const TensorView inputs[] = {x, k};
  program->run(inputs);
  fake.fail("cuStreamSynchronize", cuda::kIllegalAddress);
  const std::string told = message([&] { program->run(inputs); });
  CHECK(contains(told,
                 "error: Fake H100 (cuda:3) is lost, and what was in its memory: a run failed "
                 "(CUDA_ERROR_ILLEGAL_ADDRESS)"));
  CHECK(contains(told, "help: start the process again"));
  CHECK(contains(message([&] { program->run(inputs); }), "is lost"));
}

TEST_CASE("code of another architecture is refused with both named") {
  FakeCuda fake;
  CHECK(
      message([] { load_on(cuda_device(1), gpu_doubling(true)); }) ==
      "error: 'kernel' is compiled for sm_90, and Fake A100 (cuda:1) is sm_80\n  help: compile it "
      "with --device cuda:sm_80");
  // A newer one takes the PTX, if its driver does.
  CHECK(contains(message([] { load_on(cuda_device(2), gpu_doubling(true)); }),
                 "Fake RTX 5090 (cuda:2) (sm_120, driver of CUDA 13.0) does not take the code of "
                 "'kernel' for sm_90"));
  fake.fail("cuModuleLoadData", cuda::kUnsupportedPtx);
  CHECK(contains(message([] { load_on(cuda_device(), gpu_doubling(true)); }),
                 "CUDA_ERROR_UNSUPPORTED_PTX_VERSION\n  help: install a newer driver"));
  CHECK(contains(message([] { cuda_device(17); }), "there is no GPU 17: the driver sees 4"));
}

TEST_CASE("more shared memory than the usual is asked for, and refused in words") {
  FakeCuda fake;
  const KernelLaunch large{.parts = 1, .shared_bytes = 200 << 10, .team = false};
  const std::string body = R"(
  float* shared = (float*)shared_memory(frame);
  shared[50 * 1024 + member_thread()] = 1.0f;
  if (team_thread() < 3) ((i64*)frame.ports[0])[team_thread()] += 1;)";
  const Artifact artifact = gpu_artifact(counting(), large, body, true);
  const Tensor n = Tensor::of<std::int64_t>({3}, {1, 2, 3});
  const TensorView inputs[] = {n};
  CHECK(load_on(cuda_device(), artifact)->run(inputs)[0].values<std::int64_t>()[2] == 4);
  fake.fail("cuFuncSetAttribute", cuda::kInvalidValue);
  CHECK(contains(
      message([&] { load_on(cuda_device(), artifact)->run(inputs); }),
      "the program wants 204800 bytes of shared memory for a block, which Fake H100 (cuda:0) "
      "does not have"));
}

TEST_CASE("a grid that does not fit at once is refused in words") {
  FakeCuda fake;
  const auto program = load_on(cuda_device(), gpu_doubling(true));
  const Tensor x = ramp(1000), k = Tensor::scalar(1.0F);
  const TensorView inputs[] = {x, k};
  fake.fail("cuLaunchKernelEx", cuda::kCooperativeTooLarge);
  CHECK(contains(message([&] { program->run(inputs); }), "cannot run 8 blocks of 64 threads"));
  CHECK(message([&] { program->run(inputs); }) == "no error");
}
