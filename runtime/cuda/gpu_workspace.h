// The memory that one call of a GPU's program needs besides its arguments, kept between calls:
// scratch, arenas, tapes, the exchange with the host, a stream. Lays out the frame (README.md).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/arguments.h"
#include "runtime/cuda/exchange.h"
#include "runtime/cuda/gpu_tapes.h"
#include "runtime/cuda/launch.h"

namespace nodec {

class GpuWorkspace {
 public:
  GpuWorkspace(const Signature& signature, const KernelLaunch& launch,
               std::shared_ptr<Device> device, std::shared_ptr<Device::Kernel> kernel);

  // For a call whose arguments are bound: the launch's form, and memory of the sizes it needs.
  void prepare(const CallOptions& options);
  // Where each array is on the device, or will be.
  void place(std::span<const TensorView> inputs, std::span<const TensorView> outputs);
  // Sends what goes there, launches, and waits for the report.
  void launch();
  // The run's; whether its tapes must be longer and are now: to be launched again.
  bool must_launch_again();
  Outcome outcome() const;
  void take_outputs();

  ArgumentCheck::Room arguments;
  std::int64_t copied_in() const { return copied_in_; }  // arrays, by the present call
  std::int64_t copied_out() const { return copied_out_; }
  std::int64_t tape_growths() const { return tapes_.growths(); }
  std::int64_t tape_bytes() const { return tapes_.bytes(); }
  std::int64_t held_bytes() const;

 private:
  void reserve_arenas(std::int64_t chunks);
  void reserve_scratch(const Bindings& bindings);
  Bindings bindings() const;
  void place_input(const TensorView& input);
  void place_output(std::size_t number, const TensorView& output,
                    std::span<const TensorView> inputs);
  void write_frame();

  const Signature& signature_;
  const KernelLaunch& kernel_launch_;
  std::shared_ptr<Device> device_;
  std::shared_ptr<Device::Kernel> kernel_;
  std::unique_ptr<Device::Stream> stream_;
  int blocks_symbol_, chunks_symbol_, threads_symbol_;  // their numbers, or -1

  // Of the last call's sizes.
  std::vector<std::int64_t> symbols_;
  TeamChoice team_;
  LaunchForm form_;
  std::vector<DeviceBytes> scratch_;
  DeviceBytes arenas_, arrived_;
  std::vector<std::int64_t> frame_bytes_;  // of each tape

  GpuTapes tapes_;
  Exchange exchange_;
  // Of the present call: each port's address, or its number in the exchange.
  struct Place {
    void* address = nullptr;
    std::size_t item = 0;
  };
  std::vector<Place> ports_;
  struct Copy {
    const void* from;
    std::size_t port;
    std::int64_t bytes;
    bool from_host;
  };
  std::vector<Copy> copies_;  // into outputs that overwrite an input kept elsewhere
  std::vector<std::uint64_t> frame_;
  std::int64_t copied_in_ = 0, copied_out_ = 0;
};

// The GPU's report, as the prologue's: an Outcome's first words, then these.
struct GpuReport {
  static constexpr std::size_t kOutcomeWords = 18;
  std::uint64_t outcome[kOutcomeWords];
  std::int64_t tape, frames;  // -1 frames: one that nobody wrote
};

}  // namespace nodec
