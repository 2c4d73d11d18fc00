// Sizes, places and the words of the frame.
#include "runtime/cuda/gpu_workspace.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "ir/error.h"
#include "ir/status.h"
#include "runtime/memory.h"
#include "runtime/workspace.h"

namespace nodec {
namespace {

static_assert(offsetof(Outcome, threads_ran) == 8 * GpuReport::kOutcomeWords);

constexpr std::size_t kMostParameterBytes = 4096;

int symbol_number(const Signature& signature, std::string_view name) {
  const auto found = std::ranges::find(signature.symbols, name);
  return found == signature.symbols.end() ? -1 : int(found - signature.symbols.begin());
}

std::uint64_t word(const void* address) { return reinterpret_cast<std::uint64_t>(address); }

std::size_t listed(std::size_t length) { return std::max<std::size_t>(1, length); }

std::size_t frame_words(const Signature& s) {
  return listed(s.inputs.size() + s.outputs.size()) + listed(s.scratch.size()) +
         listed(s.symbols.size()) + 3 * listed(s.tapes.size()) + 4;
}

// Programs on a GPU count the bytes of one array in 32 bits.
void require_countable(std::string_view name, std::int64_t bytes) {
  if (bytes <= INT32_MAX) return;
  throw Error(fmt::format("'{}' takes {} bytes, and a program on a GPU counts up to {} in an array",
                          name, bytes, INT32_MAX),
              {}, "run it on smaller batches, or on the processor");
}

}  // namespace

GpuWorkspace::GpuWorkspace(const Signature& signature, const KernelLaunch& launch,
                           std::shared_ptr<Device> device, std::shared_ptr<Device::Kernel> kernel)
    : signature_(signature),
      kernel_launch_(launch),
      device_(std::move(device)),
      kernel_(std::move(kernel)),
      stream_(device_->stream()),
      blocks_symbol_(symbol_number(signature, kBlocksSymbol)),
      chunks_symbol_(symbol_number(signature, kChunksSymbol)),
      threads_symbol_(symbol_number(signature, kThreadsSymbol)),
      arenas_(device_),
      arrived_(device_),
      tapes_(device_, signature),
      exchange_(device_) {
  for (std::size_t i = 0; i < signature.scratch.size(); ++i) scratch_.emplace_back(device_);
  arrived_.reserve(64, "the team's counter");
  device_->fill(arrived_.data(), 0, 64, *stream_);
}

Bindings GpuWorkspace::bindings() const {
  Bindings bindings;
  for (std::size_t i = 0; i < symbols_.size(); ++i) bindings[signature_.symbols[i]] = symbols_[i];
  return bindings;
}

void GpuWorkspace::prepare(const CallOptions& options) {
  std::vector<std::int64_t>& values = arguments.values;
  const std::int64_t chunks = chunks_symbol_ < 0 ? 1 : values[std::size_t(chunks_symbol_)];
  const auto set = [&](int symbol, std::int64_t value) {
    if (symbol >= 0) values[std::size_t(symbol)] = value;
  };
  set(blocks_symbol_, kChunk * chunks);
  if (!symbols_.empty()) set(threads_symbol_, form_.blocks * kernel_launch_.block_members);
  if (values != symbols_ || symbols_.empty() || !(team_ == options.team)) {
    symbols_.clear();  // whatever stops half-way, the next call starts over
    form_ = form_on(*device_, *kernel_, kernel_launch_, chunks, options.team);
    set(threads_symbol_, std::int64_t(form_.blocks) * kernel_launch_.block_members);
    Bindings sizes;
    for (std::size_t i = 0; i < values.size(); ++i) sizes[signature_.symbols[i]] = values[i];
    reserve_scratch(sizes);
    reserve_arenas(chunks);
    team_ = options.team;
    symbols_ = values;
  }
  const std::int64_t limit =
      options.tape_limit_bytes > 0 ? options.tape_limit_bytes : device_->limits().memory_bytes / 2;
  tapes_.begin(frame_bytes_, limit);
}

// There are some where they are in shared memory too: sums come there out of it.
void GpuWorkspace::reserve_arenas(std::int64_t chunks) {
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(chunks, kernel_launch_.arena_bytes, &bytes)) bytes = INT64_MAX;
  bytes = std::max<std::int64_t>(bytes, 64);
  require_countable("the arenas of its chunks", bytes);
  if (arenas_.reserve(bytes, "the arenas of its chunks")) {
    device_->fill(arenas_.data(), 0xff, bytes, *stream_);
  }
}

void GpuWorkspace::reserve_scratch(const Bindings& sizes) {
  for (std::size_t i = 0; i < scratch_.size(); ++i) {
    const ScratchBuffer& buffer = signature_.scratch[i];
    const std::int64_t bytes = scratch_bytes(buffer, signature_, sizes);
    require_countable(buffer.name, bytes);
    if (scratch_[i].reserve(bytes, fmt::format("'{}'", buffer.name))) {
      device_->fill(scratch_[i].data(), 0xff, bytes, *stream_);
    }
  }
  frame_bytes_.clear();
  for (const TapeLayout& tape : signature_.tapes) {
    frame_bytes_.push_back(tape.frame_bytes.evaluate(sizes));
    require_countable(tape.name, frame_bytes_.back());
  }
}

void GpuWorkspace::place(std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const std::size_t words = frame_words(signature_);
  exchange_.begin(sizeof(GpuReport), words * 8 > kMostParameterBytes ? std::int64_t(words * 8) : 0);
  ports_.clear();
  copies_.clear();
  copied_in_ = copied_out_ = 0;
  for (const TensorView& input : inputs) place_input(input);
  for (std::size_t i = 0; i < outputs.size(); ++i) place_output(i, outputs[i], inputs);
  exchange_.settle();
  for (Place& port : ports_) {
    if (port.address == nullptr) port.address = exchange_.address(port.item);
  }
}

// An input that an output overwrites is placed with that one.
void GpuWorkspace::place_input(const TensorView& input) {
  const auto number = int(ports_.size());
  require_countable(signature_.inputs[std::size_t(number)].name, std::int64_t(input.bytes()));
  const bool overwritten = std::ranges::any_of(
      signature_.outputs, [&](const Port& output) { return output.alias == number; });
  if (overwritten || (input.device != nullptr && input.data != nullptr)) {
    ports_.push_back({overwritten ? nullptr : input.data});
    return;
  }
  ++copied_in_;
  ports_.push_back({nullptr, exchange_.add(Exchange::Way::There, input.data, nullptr,
                                           std::int64_t(input.bytes()),
                                           signature_.inputs[std::size_t(number)].name)});
}

void GpuWorkspace::place_output(std::size_t number, const TensorView& output,
                                std::span<const TensorView> inputs) {
  const int alias = signature_.outputs[number].alias;
  const auto bytes = std::int64_t(output.bytes());
  require_countable(signature_.outputs[number].name, bytes);
  const bool here = output.device != nullptr && output.data != nullptr;
  const TensorView* input = alias >= 0 ? &inputs[std::size_t(alias)] : nullptr;
  Place place{here ? output.data : nullptr};
  if (!here) {
    ++copied_out_;
    const bool from_host = input != nullptr && input->device == nullptr;
    if (from_host) ++copied_in_;
    place.item = exchange_.add(from_host ? Exchange::Way::Both : Exchange::Way::Back,
                               from_host ? input->data : nullptr, output.data, bytes,
                               signature_.outputs[number].name);
  }
  if (input != nullptr && input->data != output.data && bytes > 0 &&
      (here || input->device != nullptr)) {
    copies_.push_back({input->data, inputs.size() + number, bytes, input->device == nullptr});
    if (input->device == nullptr) ++copied_in_;
  }
  ports_.push_back(place);
  if (alias >= 0) ports_[std::size_t(alias)] = place;
}

void GpuWorkspace::write_frame() {
  frame_.clear();
  const auto list = [&](std::size_t length, const auto& at) {
    for (std::size_t i = 0; i < listed(length); ++i) frame_.push_back(i < length ? at(i) : 0);
  };
  list(ports_.size(), [&](std::size_t i) { return word(ports_[i].address); });
  list(scratch_.size(), [&](std::size_t i) { return word(scratch_[i].data()); });
  list(symbols_.size(), [&](std::size_t i) { return std::uint64_t(symbols_[i]); });
  for (std::size_t i = 0; i < tapes_.count(); ++i) {
    frame_.push_back(word(tapes_.base(i)));
    frame_.push_back(std::uint64_t(tapes_.stride(i)));
    frame_.push_back(std::uint64_t(tapes_.capacity(i)));
  }
  if (tapes_.count() == 0) frame_.insert(frame_.end(), 3, 0);
  frame_.push_back(word(arenas_.data()));
  frame_.push_back(form_.arena_shared ? 1 : 0);
  frame_.push_back(word(exchange_.report_address()));
  frame_.push_back(word(arrived_.data()));
}

void GpuWorkspace::launch() {
  write_frame();
  GpuReport report{};
  const Outcome fresh;
  std::memcpy(report.outcome, &fresh, sizeof report.outcome);
  report.tape = -1;
  std::memcpy(exchange_.report(), &report, sizeof report);
  const std::size_t bytes = frame_.size() * 8;
  const bool as_parameter = bytes <= kMostParameterBytes;
  if (!as_parameter) std::memcpy(exchange_.frame(), frame_.data(), bytes);
  exchange_.send(*stream_);
  for (const Copy& copy : copies_) {
    void* to = ports_[copy.port].address;
    copy.from_host ? device_->copy_in(to, copy.from, copy.bytes, *stream_)
                   : device_->copy(to, copy.from, copy.bytes, *stream_);
  }
  const void* address = exchange_.frame_address();
  device_->launch(*kernel_, form_,
                  as_parameter
                      ? std::string_view(reinterpret_cast<const char*>(frame_.data()), bytes)
                      : std::string_view(reinterpret_cast<const char*>(&address), sizeof address),
                  *stream_);
  exchange_.receive(*stream_);
  device_->synchronize(*stream_);
}

bool GpuWorkspace::must_launch_again() {
  GpuReport report;
  std::memcpy(&report, exchange_.report(), sizeof report);
  if (Status(std::int64_t(report.outcome[0])) != Status::TapeLimit || report.frames <= 0) {
    return false;
  }
  return tapes_.grow(std::size_t(report.tape), report.frames);
}

Outcome GpuWorkspace::outcome() const {
  GpuReport report;
  std::memcpy(&report, exchange_.report(), sizeof report);
  Outcome outcome;
  std::memcpy(static_cast<void*>(&outcome), report.outcome, sizeof report.outcome);
  outcome.threads_ran = std::int64_t(form_.blocks) * kernel_launch_.block_members;
  if (Status(outcome.status) != Status::TapeLimit) return outcome;
  if (report.frames < 0) {
    outcome.status = std::int64_t(Status::NoFrame);
  } else {
    outcome.tape_bytes = tapes_.wanted();
    outcome.tape_limit = tapes_.limit();
    outcome.tape_frames = report.frames - 1;  // with the one that it was to have
  }
  return outcome;
}

void GpuWorkspace::take_outputs() {
  exchange_.hand_out();
  exchange_.receive_large(*stream_);
  device_->synchronize(*stream_);
}

std::int64_t GpuWorkspace::held_bytes() const {
  std::int64_t bytes = arenas_.bytes() + tapes_.bytes() + exchange_.bytes();
  for (const DeviceBytes& buffer : scratch_) bytes += buffer.bytes();
  return bytes;
}

}  // namespace nodec
