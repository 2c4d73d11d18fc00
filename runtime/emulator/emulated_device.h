// The emulated GPU behind Device: memory of the host, launches by the emulator.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/device.h"

namespace nodec {

struct EmulatedOptions {
  bool watched = false;    // races and strays are looked for; slower
  std::uint64_t seed = 0;  // of the first launch's order; each further one has the next
  int architecture = 90;
  int processors = 16;
  std::int64_t shared_bytes = 227 << 10;
};

// A launch with findings ends in an exception that tells them: a program that nodec makes has none.
std::shared_ptr<Device> emulated_device(const EmulatedOptions& options = {});

}  // namespace nodec
