// Arrays that host and device use in turn: what is copied, and when; and programs bound to them.
#include "runtime/resident_array.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "runtime/cuda/gpu_runner.h"
#include "runtime/emulator/emulated_device.h"
#include "runtime/named_arrays.h"
#include "tests/runtime/cuda/programs.h"

using namespace nodec;
using namespace nodec::testing;

namespace {

using Counts = std::vector<std::int64_t>;

Counts list(const Tensor& x) {
  const auto values = x.values<std::int64_t>();
  return {values.begin(), values.end()};
}

constexpr std::int64_t kMany = 2000, kFew = 20;  // more than comes with a report, and less

Tensor filled(std::int64_t n, float value) {
  Tensor array(Dtype::F32, {n});
  std::ranges::fill(array.values<float>(), value);
  return array;
}

// y = k everywhere; where k is below 0 it stops behind that.
Artifact gpu_filling(std::int64_t n) {
  Signature signature;
  signature.name = "fill";
  signature.inputs = {{"k", Type::scalar(Dtype::F32)}};
  signature.outputs = {{"y", Type::tensor(Dtype::F32, {n})}};
  signature.symbols = {"threads"};
  return gpu_artifact(signature, {},
                      fmt::format(R"(
  const float k = *(const float*)frame.ports[0];
  float* y = (float*)frame.ports[1];
  for (int i = team_thread(); i < {}; i += team_threads()) y[i] = k;
  if (k < 0.0f && is_first()) frame.report->status = 1;)",
                                  n));
}

// z = y.
Artifact gpu_copying(std::int64_t n) {
  Signature signature;
  signature.name = "copy";
  signature.inputs = {{"y", Type::tensor(Dtype::F32, {n})}};
  signature.outputs = {{"z", Type::tensor(Dtype::F32, {n})}};
  signature.symbols = {"threads"};
  return gpu_artifact(signature, {},
                      fmt::format(R"(
  const float* y = (const float*)frame.ports[0];
  float* z = (float*)frame.ports[1];
  for (int i = team_thread(); i < {}; i += team_threads()) z[i] = y[i];)",
                                  n));
}

// As a program of the device has y, and then the host.
std::pair<float, float> first_of(NamedArrays& arrays, BoundProgram& copy) {
  require_success(copy.call(), copy.signature());
  const NamedArrays& held = arrays;
  return {held["z"].values<float>()[0], held["y"].values<float>()[0]};
}

}  // namespace

TEST_CASE("an array is copied where its newest values are not") {
  const auto device = emulated_device(), other = emulated_device();
  Copies copies;
  ResidentArray array(Tensor::of<std::int64_t>({2}, {1, 2}));
  const auto counted = [&] { return Counts{copies.in, copies.out}; };
  CHECK(array.on(device, copies).device == device.get());
  array.on(device, copies);
  CHECK(list(array.read(copies)) == Counts{1, 2});
  CHECK(counted() == Counts{1, 0});
  array.was_written(array.on(device, copies));
  array.read(copies);
  array.read(copies);
  CHECK(counted() == Counts{1, 1});
  array.on(device, copies);
  CHECK(counted() == Counts{1, 1});
  array.write(copies).values<std::int64_t>()[0] = 7;  // may be written until it is there again
  CHECK(list(DeviceTensor(device, array.read(copies)).to_host()) == Counts{7, 2});
  array.on(device, copies);
  CHECK(counted() == Counts{2, 1});
  array.was_written(array.on(device, copies));
  CHECK(array.on(other, copies).device == other.get());  // by way of the host
  CHECK(counted() == Counts{3, 2});
  array.replace(Tensor::of<std::int64_t>({3}, {1, 2, 3}));
  CHECK(array.on(other, copies).dims.size() == 1);
  CHECK(array.on(other, copies).count() == 3);
  CHECK(counted() == Counts{4, 2});
}

TEST_CASE("a program's named arrays stay on its device from call to call") {
  NamedArrays arrays;
  arrays.set("n", Tensor::of<std::int64_t>({3}, {1, 2, 3}));
  const auto device = emulated_device({.watched = true});
  BoundProgram count(load_on(device, gpu_counting()), arrays);
  for (int turn = 0; turn < 4; ++turn) require_success(count.call(), count.signature());
  CHECK(count.executable().counts().copied_in == 0);
  CHECK(count.executable().counts().copied_out == 0);
  CHECK(arrays.copies().in == 1);
  CHECK(arrays.copies().out == 0);
  CHECK(list(arrays["n"]) == Counts{5, 6, 7});
  arrays["n"].values<std::int64_t>()[1] = 0;
  require_success(count.call(), count.signature());
  CHECK(list(arrays["n"]) == Counts{6, 1, 8});
  CHECK(arrays.copies().in == 2);
  CHECK(arrays.copies().out == 2);
}

TEST_CASE("what a program tells comes with its report if it is little, else stays") {
  for (const bool little : {true, false}) {
    const std::int64_t samples = little ? 40 : 2000;
    NamedArrays arrays;
    Tensor x(Dtype::F32, {2, samples});
    x.values<float>()[0] = 5;
    arrays.set("x", std::move(x));
    arrays.set("k", 2.0F);
    BoundProgram program(load_on(emulated_device(), gpu_doubling()), arrays);
    for (int turn = 0; turn < 2; ++turn) require_success(program.call(), program.signature());
    CHECK(program.executable().counts().copied_out == (little ? 2 : 0));
    CHECK(arrays.copies().out == 0);
    const auto y = std::as_const(arrays)["y"].values<float>();
    CHECK(y[std::size_t(2 * samples - 1)] == 10);
    CHECK(arrays.copies().out == (little ? 0 : 1));
    CHECK(arrays.copies().in == 2);
  }
}

TEST_CASE("a call of a device that fails leaves the arrays what they were") {
  for (const std::int64_t n : {kFew, kMany}) {
    NamedArrays arrays;
    const auto device = emulated_device();
    BoundProgram fill(load_on(device, gpu_filling(n)), arrays);
    BoundProgram copy(load_on(device, gpu_copying(n)), arrays);
    const auto refused = [&] { message([&] { fill.call({.symbols = {{"N", 1}}}); }); };
    const auto stopped = [&] {
      arrays.set("k", -1.0F);
      CHECK(fill.call().status == 1);
    };
    using Both = std::pair<float, float>;
    arrays.set("y", filled(n, 7));
    refused();
    CHECK(first_of(arrays, copy) == Both(7, 7));
    stopped();
    CHECK(first_of(arrays, copy) == Both(7, 7));
    arrays.set("k", 8.0F);  // and where only the device has the newest values
    require_success(fill.call(), fill.signature());
    refused();
    CHECK(first_of(arrays, copy) == Both(8, 8));
    arrays.set("k", 9.0F);
    require_success(fill.call(), fill.signature());
    stopped();
    CHECK(first_of(arrays, copy) == Both(9, 9));
  }
}

TEST_CASE("an array that a stopped call overwrote on its device comes from the host again") {
  Copies copies;
  const auto device = emulated_device();
  ResidentArray array(Tensor::of<std::int64_t>({1}, {4}));
  array.on(device, copies);
  array.may_be_spoilt_there();
  array.on(device, copies);
  CHECK(copies.in == 2);
  array.was_written(array.on(device, copies));
  array.may_be_spoilt_there();  // nobody else has its values
  array.read(copies);
  CHECK(copies.out == 1);
}

TEST_CASE("an array that was put in another's place is taken or refused on a device, too") {
  for (const std::int64_t samples : {3, 2000}) {
    NamedArrays arrays;
    const auto put = [&](std::int64_t n) {
      arrays["x"] = Tensor(Dtype::F32, {2, n});
      std::ranges::fill(arrays["x"].values<float>(), float(n));
    };
    arrays.set("x", Tensor(Dtype::F32, {2, samples}));
    BoundProgram program(load_on(emulated_device(), gpu_doubling()), arrays);
    arrays.set("k", 2.0F);
    for (int turn = 0; turn < 2; ++turn) require_success(program.call(), program.signature());
    put(samples + 1);
    arrays["y"] = Tensor(Dtype::F32, {2 * samples + 2});
    require_success(program.call(), program.signature());
    CHECK(std::as_const(arrays)["y"].values<float>()[0] == 2 * float(samples + 1));
    arrays["y"] = Tensor(Dtype::F64, {2 * samples + 2});
    CHECK(message([&] { program.call(); }) ==
          fmt::format(R"(error: the arguments of 'doubling' do not fit:
  output 'y': wanted f32[2*B] with B = {}, got f64[{}]
  help: make each array of the dtype and dims that are wanted of it)",
                      samples + 1, 2 * samples + 2));
    CHECK(std::as_const(arrays)["y"].values<double>()[0] == 0);
    arrays["y"] = Tensor(Dtype::F32, {2 * samples + 2});
    Tensor& y = arrays["y"];
    require_success(program.call(), program.signature());
    y = filled(5, 6);  // by a reference from before the call
    CHECK(std::as_const(arrays)["y"].values<float>()[0] == 6);
  }
}

TEST_CASE("an array that was moved away is refused on a device, as the processor does") {
  NamedArrays arrays;
  arrays.set("x", Tensor(Dtype::F32, {2, 2000}));
  BoundProgram program(load_on(emulated_device(), gpu_doubling()), arrays);
  require_success(program.call(), program.signature());
  const Tensor k = std::move(arrays["k"]), y = std::move(arrays["y"]);
  CHECK(message([&] { program.call(); }) == R"(error: the arguments of 'doubling' do not fit:
  input 'k': has no bytes
  output 'y': has no bytes
  help: give it bytes: a nodec::Tensor owns as many as its type has, until it is moved from)");
}

TEST_CASE("programs of the processor and of a device take turns on the same arrays") {
  NamedArrays arrays;
  arrays.set("n", Tensor::of<std::int64_t>({3}, {1, 2, 3}));
  const auto entry = [](CallFrame* frame, std::int64_t) {
    auto* n = static_cast<std::int64_t*>(frame->ports[1]);
    for (int i = 0; i < 3; ++i) n[i] *= 10;
  };
  BoundProgram here(std::make_shared<const Executable>(entry, counting(), nullptr), arrays);
  BoundProgram there(load_on(emulated_device(), gpu_counting()), arrays);
  for (BoundProgram* program : {&there, &here, &there}) {
    require_success(program->call(), program->signature());
  }
  CHECK(list(arrays["n"]) == Counts{21, 31, 41});
}
