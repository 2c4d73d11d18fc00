// Everything is done when it is asked for, so a stream is nothing.
#include "runtime/emulator/emulated_device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "ir/error.h"
#include "runtime/emulator/emulator.h"
#include "runtime/memory.h"

namespace nodec {
namespace {

constexpr std::int64_t kGap = 4096;

struct EmulatedKernel : Device::Kernel {
  std::shared_ptr<const emulator::Program> program;
  std::string entry;
};

class EmulatedDevice : public Device {
 public:
  explicit EmulatedDevice(const EmulatedOptions& options);
  const DeviceLimits& limits() const override { return limits_; }
  void* allocate(std::int64_t bytes, std::string_view what) override;
  void free(void* memory) noexcept override;
  void divide(void* memory, std::span<const Part> parts) override;
  std::int64_t gap() const override { return kGap; }
  void* allocate_host(std::int64_t bytes) override {
    return get(bytes, "copies of the host's arrays");
  }
  void free_host(void* memory) noexcept override { std::free(memory); }
  std::unique_ptr<Stream> stream() override { return std::make_unique<Stream>(); }
  void copy_in(void* to, const void* from, std::int64_t bytes, Stream&) override {
    std::memcpy(to, from, std::size_t(bytes));
  }
  void copy_out(void* to, const void* from, std::int64_t bytes, Stream&) override {
    std::memcpy(to, from, std::size_t(bytes));
  }
  void copy(void* to, const void* from, std::int64_t bytes, Stream&) override {
    std::memmove(to, from, std::size_t(bytes));
  }
  void fill(void* to, unsigned char byte, std::int64_t bytes, Stream&) override {
    std::memset(to, byte, std::size_t(bytes));
  }
  void synchronize(Stream&) override {}
  std::shared_ptr<Kernel> load(const KernelObject& object, const std::string& entry) override;
  std::int64_t resident_blocks(Kernel&, int threads, std::int64_t shared_bytes) override;
  void launch(Kernel& kernel, const LaunchForm& form, std::string_view argument,
              Stream& stream) override;

 private:
  void* get(std::int64_t bytes, std::string_view what);
  void forget(void* memory) noexcept;

  EmulatedOptions options_;
  DeviceLimits limits_;
  std::mutex mutex_;  // of what follows
  emulator::Memory memory_;
  std::map<void*, std::vector<void*>> divided_;
  std::uint64_t launches_ = 0;
};

EmulatedDevice::EmulatedDevice(const EmulatedOptions& options) : options_(options) {
  limits_.name = "the emulated GPU";
  limits_.architecture = options.architecture;
  limits_.processors = options.processors;
  limits_.most_cluster = options.architecture >= 90 ? 8 : 1;
  limits_.shared_bytes = options.shared_bytes;
  limits_.memory_bytes = machine_memory();
}

// With a gap behind, so that what strays finds nothing else.
void* EmulatedDevice::get(std::int64_t bytes, std::string_view what) {
  void* memory = std::aligned_alloc(256, std::size_t((bytes + kGap + 255) / 256 * 256));
  if (memory != nullptr) return memory;
  throw Error(fmt::format("{} has no room for {} of {} bytes", limits_.name, what, bytes), {},
              "take a smaller batch, or free some memory");
}

void* EmulatedDevice::allocate(std::int64_t bytes, std::string_view what) {
  void* memory = get(bytes, what);
  const std::lock_guard lock(mutex_);
  if (bytes > 0) memory_.watch(memory, std::size_t(bytes), std::string(what));
  return memory;
}

void EmulatedDevice::free(void* memory) noexcept {
  if (memory == nullptr) return;
  const std::lock_guard lock(mutex_);
  forget(memory);
  std::free(memory);
}

void EmulatedDevice::forget(void* memory) noexcept {
  memory_.forget(memory);
  const auto parts = divided_.find(memory);
  if (parts == divided_.end()) return;
  for (void* part : parts->second) memory_.forget(part);
  divided_.erase(parts);
}

void EmulatedDevice::divide(void* memory, std::span<const Part> parts) {
  const std::lock_guard lock(mutex_);
  forget(memory);
  for (const Part& part : parts) {
    if (part.bytes == 0) continue;
    memory_.watch(part.begin, std::size_t(part.bytes), std::string(part.what));
    divided_[memory].push_back(part.begin);
  }
}

std::shared_ptr<Device::Kernel> EmulatedDevice::load(const KernelObject& object,
                                                     const std::string& entry) {
  if (object.text.empty()) {
    throw Error(fmt::format("'{}' is compiled for a GPU alone: its text is not kept", entry), {},
                "compile it for the emulated GPU");
  }
  auto kernel = std::make_shared<EmulatedKernel>();
  kernel->program = emulator::Program::compile({object.text, entry}, {.watched = options_.watched});
  kernel->entry = entry;
  return kernel;
}

std::int64_t EmulatedDevice::resident_blocks(Kernel&, int threads, std::int64_t shared_bytes) {
  // One at a time on each: more threads only take longer.
  const bool fits = threads <= limits_.most_threads && shared_bytes <= limits_.shared_bytes;
  return fits ? limits_.processors : 0;
}

void EmulatedDevice::launch(Kernel& kernel, const LaunchForm& form, std::string_view argument,
                            Stream&) {
  const auto& mine = static_cast<EmulatedKernel&>(kernel);
  const std::lock_guard lock(mutex_);
  emulator::Launch launch;
  launch.blocks = form.blocks;
  launch.threads = form.threads;
  launch.member_threads = form.member_threads;
  launch.team = form.kind != LaunchForm::Kind::Plain;
  launch.shared_bytes = std::size_t(form.shared_bytes);
  launch.seed = options_.seed + launches_++;
  const void* const arguments[] = {argument.data()};
  memory_.watch(argument.data(), argument.size(), "the frame");
  const std::vector<emulator::Finding> found =
      emulator::run(*mine.program, launch, arguments, memory_);
  memory_.forget(argument.data());
  std::string told;
  for (const emulator::Finding& finding : found) told += "\n  " + finding.text;
  NODEC_CHECK(found.empty(), "'{}' on the emulated GPU:{}", mine.entry, told);
}

}  // namespace

std::shared_ptr<Device> emulated_device(const EmulatedOptions& options) {
  return std::make_shared<EmulatedDevice>(options);
}

}  // namespace nodec
