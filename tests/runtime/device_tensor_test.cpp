// Arrays of a device made and copied; those that there are none of are refused.
#include "runtime/device_tensor.h"

#include <doctest/doctest.h>

#include "runtime/device_choice.h"
#include "runtime/emulator/emulated_device.h"
#include "tests/runtime/doubling.h"

using namespace nodec;
using namespace nodec::testing;

TEST_CASE("an array of a device has a device, as long as it is not moved away") {
  const Tensor host = Tensor::of<double>({3}, {1, 2, 3});
  CHECK(message([&] { DeviceTensor(device_for(read_device("cpu")), host); }) ==
        "error: an array of a device is made without one\n"
        "  help: give a GPU's device, or keep the array as a Tensor of the host");
  DeviceTensor first(emulated_device(), host);
  const DeviceTensor second = std::move(first);
  CHECK(second.to_host().values<double>()[2] == 3);
  const std::string moved =
      "error: an array of a device is used that was moved from\n  help: use the one it went to";
  CHECK(message([&] { first.to_host(); }) == moved);  // NOLINT(bugprone-use-after-move)
  CHECK(message([&] { first.assign(host); }) == moved);
}

#ifndef NODEC_SANITIZED  // a sanitizer ends the process there
TEST_CASE("an array that an emulated device has no room for is told, with its bytes") {
  float one = 0;
  const std::vector<std::int64_t> dims{std::int64_t(1) << 58};
  CHECK(message([&] {
          DeviceTensor(emulated_device(), TensorView{Dtype::F32, dims, &one});
        }) ==
        "error: the emulated GPU has no room for an array of 1152921504606846976 bytes\n"
        "  help: take a smaller batch, or free some memory");
}
#endif

TEST_CASE("an array of the host without bytes is neither copied to a device nor filled from it") {
  const auto device = emulated_device();
  DeviceTensor array(device, Tensor::scalar(1.0F));
  Tensor away = Tensor::scalar(2.0F);
  const Tensor kept = std::move(away);
  const std::string none =
      "error: an array of the host that is copied from or to a device has no bytes\n"
      "  help: give it bytes: a nodec::Tensor owns as many as its type has, until it is moved from";
  const TensorView host = away.view();  // NOLINT(bugprone-use-after-move)
  CHECK(message([&] { DeviceTensor(device, host); }) == none);
  CHECK(message([&] { array.assign(host); }) == none);
  CHECK(message([&] { array.to_host(host); }) == none);
  CHECK(message([&] { DeviceTensor(device, Tensor{}); }) == none);
  CHECK(array.to_host().values<float>()[0] == 1);
  CHECK(DeviceTensor(device, TensorView{Dtype::F32, std::vector<std::int64_t>{0}}).dims()[0] == 0);
  const std::vector<std::int64_t> below{-4}, many{std::int64_t(1) << 62};
  CHECK(message([&] {
          DeviceTensor(device, TensorView{Dtype::F32, below, away.data()});
        }) == "error: a tensor's dims cannot be negative, got f32[-4]");
  CHECK(message([&] {
          DeviceTensor(device, TensorView{Dtype::F32, many, away.data()});
        }) == "error: a tensor of type f32[4611686018427387904] has more bytes than there are");
}
