// Calls of programs on the emulated GPU: arrays here and there, forms of a launch, tapes, outcomes.
#include "runtime/cuda/gpu_runner.h"

#include <doctest/doctest.h>

#include <cmath>

#include "ir/status.h"
#include "runtime/device_tensor.h"
#include "runtime/emulator/emulated_device.h"
#include "tests/runtime/cuda/programs.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

std::shared_ptr<Device> watched() {
  static const auto device = emulated_device({.watched = true});
  return device;
}

Tensor samples_of(std::int64_t samples) {
  Tensor x(Dtype::F32, {2, samples});
  for (std::int64_t i = 0; i < 2 * samples; ++i) x.values<float>()[std::size_t(i)] = float(i);
  return x;
}

bool is_reversed(const Tensor& y, std::int64_t n, float k) {
  for (std::int64_t i = 0; i < n; ++i) {
    if (y.values<float>()[std::size_t(i)] != k * float(n - 1 - i)) return false;
  }
  return true;
}

std::vector<std::int64_t> list(const Tensor& x) {
  const auto values = x.values<std::int64_t>();
  return {values.begin(), values.end()};
}

using Counts = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("a program gives the same in every form of its launch") {
  const auto program = load_on(watched(), gpu_doubling());
  const Tensor k = Tensor::scalar(3.0F);
  using Form = TeamChoice::Form;
  const auto members = [&](std::int64_t batch, TeamChoice team) {
    const Tensor x = samples_of(batch);
    Tensor y(Dtype::F32, {2 * batch});
    const TensorView inputs[] = {x, k}, outputs[] = {y};
    CallOptions options;
    options.team = team;
    const Outcome outcome = program->call(inputs, outputs, options);
    require_success(outcome, program->signature());
    CHECK(is_reversed(y, 2 * batch, 3));
    return outcome.threads_ran;
  };
  CHECK(members(37, {}) == 3);
  CHECK(members(300, {}) == 10);
  CHECK(members(300, {Form::Block}) == 1);
  CHECK(members(300, {Form::Cluster}) == 8);
  CHECK(members(300, {Form::Grid, 5}) == 5);
  CHECK(members(37, {Form::Grid, 6}) == 6);
  CHECK(program->counts().launches == 6);
}

TEST_CASE("arrays of the host are copied and counted, those of the device taken as they are") {
  const auto device = watched();
  const auto program = load_on(device, gpu_doubling());
  const Tensor x = samples_of(37), k = Tensor::scalar(2.0F);
  const TensorView inputs[] = {x, k};
  CHECK(is_reversed(program->run(inputs).at(0), 74, 2));
  CHECK(program->counts().copied_in == 2);
  CHECK(program->counts().copied_out == 1);

  const DeviceTensor there(device, x), k_there(device, k);
  const DeviceTensor y(device, Dtype::F32, {74});
  const TensorView all[] = {there, k_there}, outputs[] = {y};
  require_success(program->call(all, outputs), program->signature());
  CHECK(is_reversed(y.to_host(), 74, 2));
  CHECK(program->counts().copied_in == 2);
  CHECK(program->counts().copied_out == 1);

  const TensorView mixed[] = {there, k};
  require_success(program->call(mixed, outputs), program->signature());
  CHECK(program->counts().copied_in == 3);
  CHECK(program->counts().copied_out == 1);
}

TEST_CASE("an array too large for the side-by-side copy goes by itself") {
  const auto program = load_on(emulated_device(), gpu_doubling());
  const std::int64_t batch = 300000;
  const Tensor x = samples_of(batch), k = Tensor::scalar(1.0F);
  const TensorView inputs[] = {x, k};
  CHECK(is_reversed(program->run(inputs).at(0), 2 * batch, 1));
}

TEST_CASE("an output may overwrite its input or leave it alone, here, there and across") {
  const auto device = watched();
  const auto program = load_on(device, gpu_counting());
  const Tensor start = Tensor::of<std::int64_t>({3}, {1, 2, 3});
  const Counts before{1, 2, 3}, after{2, 3, 4};
  const auto call = [&](const TensorView& in, const TensorView& out) {
    const TensorView inputs[] = {in}, outputs[] = {out};
    require_success(program->call(inputs, outputs), program->signature());
  };
  Tensor here = start.clone(), other(Dtype::I64, {3});
  call(here, here);
  CHECK(list(here) == after);
  call(start, other);
  CHECK(list(other) == after);
  CHECK(list(start) == before);

  const DeviceTensor there(device, start), elsewhere(device, Dtype::I64, {3});
  call(there, elsewhere);
  CHECK(list(elsewhere.to_host()) == after);
  CHECK(list(there.to_host()) == before);
  call(there, other);
  CHECK(list(other) == after);
  CHECK(list(there.to_host()) == before);
  call(start, elsewhere);
  CHECK(list(elsewhere.to_host()) == after);
  call(there, there);
  CHECK(list(there.to_host()) == after);
}

TEST_CASE("the GPU's derived symbols: blocks of whole chunks, members of the team") {
  Signature signature = doubling();
  signature.outputs = {{"seen", Type::tensor(Dtype::I64, {4})}};
  signature.scratch = {{"own", Dim::symbol("threads") * 64},
                       {"chunks", Dim::symbol("blocks") * 64}};
  const Artifact artifact = gpu_artifact(signature, {.parts = 1, .dense_members = 5}, R"(
  if (is_first()) for (int i = 0; i < 4; ++i) ((i64*)frame.ports[2])[i] = frame.symbols[i];
  ((float*)frame.scratch[0])[member() * 16 + slot()] = 0.0f;)");
  const auto program = load_on(emulated_device(), artifact);
  const Tensor x(Dtype::F32, {2, 65}), k = Tensor::scalar(1.0F);
  const TensorView inputs[] = {x, k};
  CHECK(list(program->run(inputs)[0]) == Counts{65, 6, 3, 5});
}

TEST_CASE("a full tape is made longer and the program launched again") {
  const auto program = load_on(watched(), gpu_taping());
  const auto run = [&](std::int64_t frames) {
    const Tensor n = Tensor::scalar(frames);
    const TensorView inputs[] = {n};
    const std::int64_t before = program->counts().launches;
    CHECK(list(program->run(inputs)[0]) == Counts{0, frames - 1});
    return program->counts().launches - before;
  };
  CHECK(run(8) == 1);
  CHECK(run(9) == 2);
  CHECK(program->tape_growths() == 1);
  CHECK(run(24) == 1);
  CHECK(run(200) == 4);  // 56, 120, 248
  CHECK(run(3) == 1);
  CHECK(program->tape_bytes() == 248 * 128);
}

TEST_CASE("a tape's limit follows what the call needs, not what earlier ones left") {
  const auto program = load_on(watched(), gpu_taping());
  const auto run = [&](std::int64_t frames, std::int64_t limit) {
    const Tensor n = Tensor::scalar(frames), kept = Tensor::of<std::int64_t>({2}, {5, 5});
    const TensorView inputs[] = {n}, outputs[] = {kept};
    CallOptions options;
    options.tape_limit_bytes = limit;
    const Outcome outcome = program->call(inputs, outputs, options);
    const bool done = Status(outcome.status) == Status::Success;
    CHECK(list(kept) == (done ? Counts{0, frames - 1} : Counts{5, 5}));
    return outcome;
  };
  const auto check_refused = [](const Outcome& outcome, std::int64_t wanted) {
    CHECK(Status(outcome.status) == Status::TapeLimit);
    CHECK(outcome.tape_bytes == wanted);
    CHECK(outcome.tape_limit == 24 * 128);
    CHECK(outcome.tape_frames == 24);
  };
  check_refused(run(25, 24 * 128), 56 * 128);
  CHECK(run(24, 24 * 128).status == 0);
  CHECK(run(100, 0).status == 0);  // leaves it longer than the limit
  CHECK(run(24, 24 * 128).status == 0);
  check_refused(run(25, 24 * 128), 56 * 128);
}

TEST_CASE("a frame that nobody wrote is told apart from a full tape") {
  const auto program = load_on(watched(), gpu_taping());
  const Tensor n = Tensor::scalar(std::int64_t{0});
  const TensorView inputs[] = {n};
  Tensor y(Dtype::I64, {2});
  const TensorView outputs[] = {y};
  CHECK(Status(program->call(inputs, outputs).status) == Status::NoFrame);
}

TEST_CASE("a frame of more words than a parameter holds goes through the device's memory") {
  Signature signature = counting();
  for (int i = 0; i < 600; ++i) signature.scratch.push_back({fmt::format("s{}", i), Dim(64)});
  const Artifact artifact = gpu_artifact(signature, {.team = false}, R"(
  i64* n = (i64*)frame.ports[0];
  if (team_thread() < 3 && frame.scratch[599] != frame.scratch[598]) n[team_thread()] += 1;)");
  const auto program = load_on(watched(), artifact);
  const Tensor n = Tensor::of<std::int64_t>({3}, {1, 2, 3});
  const TensorView inputs[] = {n};
  CHECK(list(program->run(inputs)[0]) == Counts{2, 3, 4});
}

TEST_CASE("arenas are in shared memory where each member has one chunk, else global") {
  Signature signature = doubling();
  signature.scratch = {};
  signature.outputs = {{"y", Type::tensor(Dtype::F32, {B * 2})},
                       {"global", Type::scalar(Dtype::I32)}};
  const KernelLaunch launch{.parts = 1, .shared_bytes = 64, .arena_bytes = 256};
  const Artifact artifact = gpu_artifact(signature, launch, R"(
  const int batch = (int)frame.symbols[0];
  const float* x = (const float*)frame.ports[0];
  for (int chunk = member(); chunk < (int)frame.symbols[2]; chunk += members()) {
    float* a = (float*)arena(frame, chunk);
    const int sample = 32 * chunk + member_thread();
    if (sample < batch) {
      a[member_thread()] = x[sample];
      a[32 + member_thread()] = x[batch + sample];
    }
  }
  meet();
  for (int chunk = member(); chunk < (int)frame.symbols[2]; chunk += members()) {
    const float* a = (const float*)arena(frame, chunk);
    const int sample = 32 * chunk + member_thread();
    float* y = (float*)frame.ports[2];
    if (sample < batch) {
      y[sample] = a[member_thread()];
      y[batch + sample] = a[32 + member_thread()];
    }
  }
  if (is_first()) *(int*)frame.ports[3] = frame.arenas_shared ? 0 : 1;)");
  const auto program = load_on(watched(), artifact);
  const Tensor k = Tensor::scalar(1.0F);
  for (const int members : {0, 2}) {
    const Tensor x = samples_of(100);
    const TensorView inputs[] = {x, k};
    CallOptions options;
    options.team.members = members;
    const auto outputs = program->run(inputs, options);
    CHECK(outputs[1].values<std::int32_t>()[0] == (members == 2 ? 1 : 0));
    for (int i = 0; i < 200; ++i) CHECK(outputs[0].values<float>()[std::size_t(i)] == float(i));
  }
}

TEST_CASE("an array of a device cannot be given to a program elsewhere") {
  const auto device = watched();
  const Tensor x = samples_of(4), k = Tensor::scalar(1.0F);
  const DeviceTensor there(device, x);
  const TensorView inputs[] = {there, k};
  const Executable on_cpu(doubling_entry, doubling(), nullptr);
  CHECK(message([&] { on_cpu.run(inputs); }) ==
        "error: the arguments of 'doubling' do not fit:\n  input 'x': is in the memory of the "
        "emulated GPU, and the program runs on the processor\n  help: copy it to the host or to "
        "that device (DeviceTensor)");
  const auto other = load_on(emulated_device(), gpu_doubling());
  CHECK(message([&] { other->run(inputs); }).find("runs on the emulated GPU") != std::string::npos);
  CHECK(message([&] { DeviceTensor(device, x).assign(there); }).find("copy it to the host first") !=
        std::string::npos);
  CHECK(message([&] { DeviceTensor(device, x).assign(k); })
            .find("is f32[2, 4], and one of the host "
                  "f32[]") != std::string::npos);
}

TEST_CASE("a program of a GPU is loaded on a device") {
  CHECK(message([] { load_on(nullptr, gpu_doubling()); }) ==
        "error: a program of a GPU is loaded without a device\n"
        "  help: give a GPU's device, or load() one of the processor's");
}

TEST_CASE("a program's mistake on the emulated GPU is told as ours") {
  const auto program = load_on(
      watched(),
      gpu_artifact(counting(), {.team = false}, "\n((i64*)frame.ports[0])[team_thread()] = 0;"));
  const Tensor n = Tensor::of<std::int64_t>({3}, {1, 2, 3});
  const TensorView inputs[] = {n};
  try {
    program->run(inputs);
    FAIL("no exception");
  } catch (const std::logic_error& error) {
    CHECK(std::string(error.what()).find("at kernel.cu:2") != std::string::npos);
  }
}
