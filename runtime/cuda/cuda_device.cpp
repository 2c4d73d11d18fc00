// The driver's calls, each result looked at.
#include "runtime/cuda/cuda_device.h"

#include <map>
#include <mutex>

#include "ir/error.h"
#include "ir/lasting.h"
#include "runtime/cuda/driver.h"

namespace nodec {
namespace {

using cuda::Address;
using cuda::Driver;
using cuda::Result;

Address address_of(const void* p) { return reinterpret_cast<Address>(p); }

std::string size_text(std::int64_t bytes) {
  const auto number = double(bytes);
  if (bytes >= std::int64_t{1} << 30) return fmt::format("{:.1f} GiB", number / (1 << 30));
  if (bytes >= 1 << 20) return fmt::format("{:.1f} MiB", number / (1 << 20));
  return fmt::format("{} bytes", bytes);
}

struct CudaKernel : Device::Kernel {
  std::shared_ptr<const Driver> driver;
  cuda::ModuleHandle* module = nullptr;
  cuda::FunctionHandle* function = nullptr;
  std::int64_t shared_allowed = 48 << 10;  // more must be asked for
  ~CudaKernel() override {
    if (module != nullptr) (*driver)->unload_module(module);
  }
};

struct CudaStream : Device::Stream {
  std::shared_ptr<const Driver> driver;
  cuda::StreamHandle* handle = nullptr;
  ~CudaStream() override {
    if (handle != nullptr) (*driver)->destroy_stream(handle);
  }
};

class CudaDevice : public Device {
 public:
  CudaDevice(std::shared_ptr<const Driver> driver, int number);
  const DeviceLimits& limits() const override { return limits_; }
  void* allocate(std::int64_t bytes, std::string_view what) override;
  void free(void* memory) noexcept override;
  void* allocate_host(std::int64_t bytes) override;
  void free_host(void* memory) noexcept override;
  std::unique_ptr<Stream> stream() override;
  void copy_in(void* to, const void* from, std::int64_t bytes, Stream& stream) override;
  void copy_out(void* to, const void* from, std::int64_t bytes, Stream& stream) override;
  void copy(void* to, const void* from, std::int64_t bytes, Stream& stream) override;
  void fill(void* to, unsigned char byte, std::int64_t bytes, Stream& stream) override;
  void synchronize(Stream& stream) override;
  std::shared_ptr<Kernel> load(const KernelObject& object, const std::string& entry) override;
  std::int64_t resident_blocks(Kernel& kernel, int threads, std::int64_t shared_bytes) override;
  void launch(Kernel& kernel, const LaunchForm& form, std::string_view argument,
              Stream& stream) override;

 private:
  void read_limits(int number);
  int attribute(int which) const;
  void enter() const;
  void check(Result result, std::string_view doing) const;
  [[noreturn]] void refuse(Result result, std::string_view doing) const;
  void allow_shared(CudaKernel& kernel, std::int64_t bytes) const;
  static cuda::StreamHandle* handle(Stream& stream) {
    return static_cast<CudaStream&>(stream).handle;
  }

  std::shared_ptr<const Driver> driver_;
  cuda::Ordinal ordinal_ = 0;
  cuda::ContextHandle* context_ = nullptr;
  DeviceLimits limits_;
};

CudaDevice::CudaDevice(std::shared_ptr<const Driver> driver, int number)
    : driver_(std::move(driver)) {
  limits_.name = fmt::format("GPU {}", number);
  int count = 0;
  check((*driver_)->device_count(&count), "counting GPUs");
  if (number >= count) {
    throw Error(fmt::format("there is no GPU {}: the driver sees {}", number, count), {},
                count == 0 ? "run on a machine with a GPU, or on --device cpu"
                           : "take one of those there are, from 0 on");
  }
  check((*driver_)->device(&ordinal_, number), "looking for it");
  read_limits(number);
  check((*driver_)->retain_context(&context_, ordinal_), "starting work on it");
}

int CudaDevice::attribute(int which) const {
  int value = 0;
  check((*driver_)->device_attribute(&value, which, ordinal_), "asking what it can do");
  return value;
}

void CudaDevice::read_limits(int number) {
  char name[256] = {};
  check((*driver_)->device_name(name, int(sizeof name) - 1, ordinal_), "asking for its name");
  limits_.name = fmt::format("{} (cuda:{})", name, number);
  limits_.architecture = 10 * attribute(cuda::kCapabilityMajor) + attribute(cuda::kCapabilityMinor);
  limits_.processors = attribute(cuda::kProcessorCount);
  limits_.most_threads = attribute(cuda::kMaxThreadsPerBlock);
  limits_.cooperative = attribute(cuda::kCooperativeLaunch) != 0;
  limits_.shared_bytes = attribute(cuda::kMaxSharedOptIn);
  limits_.most_cluster = limits_.architecture >= 90 ? 8 : 1;  // what every such device has
  std::size_t memory = 0;
  check((*driver_)->device_memory(&memory, ordinal_), "asking for its memory");
  limits_.memory_bytes = std::int64_t(memory);
}

void CudaDevice::enter() const { check((*driver_)->set_context(context_), "entering it"); }

void CudaDevice::check(Result result, std::string_view doing) const {
  if (result != cuda::kSuccess) refuse(result, doing);
}

void CudaDevice::refuse(Result result, std::string_view doing) const {
  const std::string words = driver_->words(result);
  if (cuda::is_lost(result)) {
    throw Error(fmt::format("{} is lost, and what was in its memory: {} failed ({})", limits_.name,
                            doing, words),
                {},
                "start the process again; where it comes back, look with compute-sanitizer or "
                "run on --device cuda-emulated");
  }
  throw Error(fmt::format("{}: {} failed ({})", limits_.name, doing, words), {},
              "see whether nvidia-smi finds the device in order");
}

void* CudaDevice::allocate(std::int64_t bytes, std::string_view what) {
  enter();
  Address address = 0;
  const Result result =
      (*driver_)->allocate(&address, std::size_t(std::max<std::int64_t>(bytes, 1)));
  if (result != cuda::kOutOfMemory) {
    check(result, "getting memory");
    return reinterpret_cast<void*>(address);
  }
  std::size_t left = 0, all = 0;
  (*driver_)->memory_left(&left, &all);
  throw Error(
      fmt::format("{} has no room for {} of {}: {} of {} are free", limits_.name, what,
                  size_text(bytes), size_text(std::int64_t(left)), size_text(std::int64_t(all))),
      {}, "take a smaller batch, or end what else uses the device");
}

void CudaDevice::free(void* memory) noexcept {
  if (memory == nullptr) return;
  if ((*driver_)->set_context(context_) == cuda::kSuccess) (*driver_)->free(address_of(memory));
}

void* CudaDevice::allocate_host(std::int64_t bytes) {
  enter();
  void* memory = nullptr;
  const Result result =
      (*driver_)->allocate_host(&memory, std::size_t(std::max<std::int64_t>(bytes, 1)), 0);
  if (result == cuda::kOutOfMemory) {
    throw Error(fmt::format("there are no {} of memory for copies to and from {}", size_text(bytes),
                            limits_.name),
                {}, "raise the limit of locked memory (ulimit -l)");
  }
  check(result, "getting memory for copies");
  return memory;
}

void CudaDevice::free_host(void* memory) noexcept {
  if (memory == nullptr) return;
  if ((*driver_)->set_context(context_) == cuda::kSuccess) (*driver_)->free_host(memory);
}

std::unique_ptr<Device::Stream> CudaDevice::stream() {
  enter();
  auto stream = std::make_unique<CudaStream>();
  stream->driver = driver_;
  constexpr unsigned kNonBlocking = 1;
  check((*driver_)->create_stream(&stream->handle, kNonBlocking), "making a stream");
  return stream;
}

void CudaDevice::copy_in(void* to, const void* from, std::int64_t bytes, Stream& stream) {
  enter();
  check((*driver_)->copy_in(address_of(to), from, std::size_t(bytes), handle(stream)),
        "copying to it");
}

void CudaDevice::copy_out(void* to, const void* from, std::int64_t bytes, Stream& stream) {
  enter();
  check((*driver_)->copy_out(to, address_of(from), std::size_t(bytes), handle(stream)),
        "copying from it");
}

void CudaDevice::copy(void* to, const void* from, std::int64_t bytes, Stream& stream) {
  enter();
  check((*driver_)->copy(address_of(to), address_of(from), std::size_t(bytes), handle(stream)),
        "copying within it");
}

void CudaDevice::fill(void* to, unsigned char byte, std::int64_t bytes, Stream& stream) {
  enter();
  check((*driver_)->fill(address_of(to), byte, std::size_t(bytes), handle(stream)),
        "filling memory");
}

void CudaDevice::synchronize(Stream& stream) {
  enter();
  check((*driver_)->synchronize(handle(stream)), "a run");
}

std::shared_ptr<Device::Kernel> CudaDevice::load(const KernelObject& object,
                                                 const std::string& entry) {
  enter();
  auto kernel = std::make_shared<CudaKernel>();
  kernel->driver = driver_;
  // A cubin runs on its own architecture and on later ones of the same generation.
  const bool own = object.architecture / 10 == limits_.architecture / 10 &&
                   object.architecture <= limits_.architecture;
  if (!own && object.architecture > limits_.architecture) {
    throw Error(fmt::format("'{}' is compiled for sm_{}, and {} is sm_{}", entry,
                            object.architecture, limits_.name, limits_.architecture),
                {}, fmt::format("compile it with --device cuda:sm_{}", limits_.architecture));
  }
  const std::string& image = own ? object.cubin : object.ptx;
  const Result result = (*driver_)->load_module(&kernel->module, image.c_str());
  const bool unfit = result == cuda::kNoBinary || result == cuda::kInvalidPtx ||
                     result == cuda::kUnsupportedPtx || result == cuda::kInvalidImage;
  if (unfit) {
    throw Error(fmt::format("{} (sm_{}, driver of CUDA {}.{}) does not take the code of '{}' for "
                            "sm_{}: {}",
                            limits_.name, limits_.architecture, driver_->major(),
                            driver_->version() % 1000 / 10, entry, object.architecture,
                            driver_->words(result)),
                {}, "install a newer driver, or name an older NVRTC in NODEC_NVRTC");
  }
  if (result == cuda::kOutOfMemory) {
    throw Error(fmt::format("{} has no room for the code of '{}' ({})", limits_.name, entry,
                            size_text(std::int64_t(image.size()))),
                {}, "end what else uses the device");
  }
  check(result, "loading a program");
  check((*driver_)->get_function(&kernel->function, kernel->module, entry.c_str()),
        "looking for the program's entry");
  return kernel;
}

void CudaDevice::allow_shared(CudaKernel& kernel, std::int64_t bytes) const {
  if (bytes <= kernel.shared_allowed) return;
  const Result result =
      (*driver_)->set_function(kernel.function, cuda::kMaxDynamicShared, int(bytes));
  if (result == cuda::kInvalidValue) {
    throw Error(
        fmt::format("the program wants {} bytes of shared memory for a block, which {} does "
                    "not have ({} at most, its own included)",
                    bytes, limits_.name, limits_.shared_bytes),
        {}, "compile it for this device");
  }
  check(result, "asking for shared memory");
  kernel.shared_allowed = bytes;
}

std::int64_t CudaDevice::resident_blocks(Kernel& kernel, int threads, std::int64_t shared_bytes) {
  enter();
  auto& mine = static_cast<CudaKernel&>(kernel);
  allow_shared(mine, shared_bytes);
  int blocks = 0;
  check((*driver_)->blocks_resident(&blocks, mine.function, threads, std::size_t(shared_bytes)),
        "asking how many blocks it runs at once");
  return std::int64_t(blocks) * limits_.processors;
}

void CudaDevice::launch(Kernel& kernel, const LaunchForm& form, std::string_view argument,
                        Stream& stream) {
  enter();
  auto& mine = static_cast<CudaKernel&>(kernel);
  allow_shared(mine, form.shared_bytes);
  cuda::LaunchAttribute attribute{};
  cuda::LaunchConfig config{};
  config.grid_x = unsigned(form.blocks);
  config.block_x = unsigned(form.threads);
  config.grid_y = config.grid_z = config.block_y = config.block_z = 1;
  config.shared_bytes = unsigned(form.shared_bytes);
  config.stream = handle(stream);
  config.attributes = &attribute;
  if (form.kind == LaunchForm::Kind::Cluster) {
    attribute.id = cuda::LaunchAttribute::kClusterDimension;
    attribute.cluster = {unsigned(form.blocks), 1, 1};
    config.attribute_count = 1;
  } else if (form.kind == LaunchForm::Kind::Grid) {
    attribute.id = cuda::LaunchAttribute::kCooperative;
    attribute.cooperative = 1;
    config.attribute_count = 1;
  }
  void* parameters[] = {const_cast<char*>(argument.data())};
  const Result result = (*driver_)->launch(&config, mine.function, parameters, nullptr);
  if (result == cuda::kCooperativeTooLarge || result == cuda::kLaunchOutOfResources) {
    throw Error(fmt::format("{} cannot run {} blocks of {} threads with {} bytes of shared memory "
                            "each at once ({})",
                            limits_.name, form.blocks, form.threads, form.shared_bytes,
                            driver_->words(result)),
                {}, "end what else uses the device");
  }
  check(result, "a launch");
}

}  // namespace

std::shared_ptr<Device> cuda_device(int number) {
  static std::mutex mutex;
  using Key = std::pair<const Driver*, int>;
  static auto& devices = lasting<std::map<Key, std::shared_ptr<Device>>>();
  const std::lock_guard lock(mutex);
  auto driver = Driver::open();
  auto& device = devices[{driver.get(), number}];
  if (device == nullptr) device = std::make_shared<CudaDevice>(std::move(driver), number);
  return device;
}

}  // namespace nodec
