// Arrays that host and device use in turn: what is copied, and when; and programs bound to them.
#include "runtime/resident_array.h"

#include <doctest/doctest.h>

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
  array.was_written_there();
  array.read(copies);
  array.read(copies);
  CHECK(counted() == Counts{1, 1});
  array.on(device, copies);
  CHECK(counted() == Counts{1, 1});
  array.write(copies).values<std::int64_t>()[0] = 7;  // may be written until it is there again
  CHECK(list(DeviceTensor(device, array.read(copies)).to_host()) == Counts{7, 2});
  array.on(device, copies);
  CHECK(counted() == Counts{2, 1});
  array.was_written_there();
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
