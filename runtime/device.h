// A GPU, real or emulated: memory of its own, streams of work, and kernels to launch. What a
// program on one is run with (runtime/cuda/gpu_runner.h), and where a DeviceTensor lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/cuda/kernel.h"

namespace nodec {

// What decides how a kernel is launched there, and what messages name.
struct DeviceLimits {
  std::string name;               // "NVIDIA H100 80GB HBM3 (cuda:0)"
  int architecture = 0;           // 90
  int processors = 1;             // blocks run on so many at once
  int most_threads = 1024;        // of a block
  int most_cluster = 1;           // blocks of a cluster; 1: it has none
  bool cooperative = true;        // whether all blocks of a grid can be had at once
  std::int64_t shared_bytes = 0;  // the most that a block may have
  std::int64_t memory_bytes = 0;
};

// How one launch is made (runtime/cuda/launch.h chooses it).
struct LaunchForm {
  enum class Kind : std::uint8_t { Plain, Block, Cluster, Grid };
  Kind kind = Kind::Block;
  int blocks = 1, threads = 32;
  int member_threads = 32;
  std::int64_t shared_bytes = 0;  // of a block
  bool arena_shared = false;
  bool operator==(const LaunchForm&) const = default;
};
std::string_view name_of(LaunchForm::Kind kind);  // "cluster"
std::string text_of(const LaunchForm& form);      // "a cluster of 4 blocks of 320 threads"

class Device {
 public:
  // A program loaded there; it goes with its last holder.
  class Kernel {
   public:
    virtual ~Kernel() = default;
  };
  // Work in order. Work of several streams has none.
  class Stream {
   public:
    virtual ~Stream() = default;
  };

  virtual ~Device() = default;
  virtual const DeviceLimits& limits() const = 0;

  // 256-byte aligned; an Error names what it is for and how much there is.
  virtual void* allocate(std::int64_t bytes, std::string_view what) = 0;
  virtual void free(void* memory) noexcept = 0;
  // Of an allocation, the parts that may be touched from now on, each by its own name; gap() bytes
  // lie between any two. An emulated device finds what strays.
  struct Part {
    void* begin;
    std::int64_t bytes;
    std::string_view what;
  };
  virtual void divide(void* memory, std::span<const Part> parts) { (void)memory, (void)parts; }
  virtual std::int64_t gap() const { return 0; }
  // Memory of the host that copies to and from the device go through without a detour.
  virtual void* allocate_host(std::int64_t bytes) = 0;
  virtual void free_host(void* memory) noexcept = 0;

  virtual std::unique_ptr<Stream> stream() = 0;
  virtual void copy_in(void* to, const void* from, std::int64_t bytes, Stream& stream) = 0;
  virtual void copy_out(void* to, const void* from, std::int64_t bytes, Stream& stream) = 0;
  virtual void copy(void* to, const void* from, std::int64_t bytes, Stream& stream) = 0;
  virtual void fill(void* to, unsigned char byte, std::int64_t bytes, Stream& stream) = 0;
  virtual void synchronize(Stream& stream) = 0;

  virtual std::shared_ptr<Kernel> load(const KernelObject& object, const std::string& entry) = 0;
  // How many blocks of it are on the device at once.
  virtual std::int64_t resident_blocks(Kernel& kernel, int threads, std::int64_t shared_bytes) = 0;
  // `argument`: the bytes of the kernel's one parameter.
  virtual void launch(Kernel& kernel, const LaunchForm& form, std::string_view argument,
                      Stream& stream) = 0;

  // Copies that are done when these return.
  void put(void* to, const void* from, std::int64_t bytes);
  void get(void* to, const void* from, std::int64_t bytes);

 private:
  std::mutex copying_;
  std::unique_ptr<Stream> copies_;  // in order
};

// Memory of a device, as long as its holder.
class DeviceBytes {
 public:
  explicit DeviceBytes(std::shared_ptr<Device> device) : device_(std::move(device)) {}
  ~DeviceBytes() { device_->free(data_); }
  DeviceBytes(DeviceBytes&& other) noexcept
      : device_(other.device_),
        data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceBytes& operator=(DeviceBytes&&) = delete;

  // At least so many bytes; whether they are new. What was there is lost then. With `exact`, no
  // more either.
  bool reserve(std::int64_t bytes, std::string_view what, bool exact = false);
  std::byte* data() const { return static_cast<std::byte*>(data_); }
  std::int64_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<Device> device_;
  void* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

// Likewise of the host, for copies there and back.
class HostBytes {
 public:
  explicit HostBytes(std::shared_ptr<Device> device) : device_(std::move(device)) {}
  ~HostBytes() { device_->free_host(data_); }
  HostBytes(const HostBytes&) = delete;
  HostBytes& operator=(const HostBytes&) = delete;

  void reserve(std::int64_t bytes);
  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  std::shared_ptr<Device> device_;
  void* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

}  // namespace nodec
