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
