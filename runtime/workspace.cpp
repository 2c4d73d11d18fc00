// Sizes and placement of a call's memory.
#include "runtime/workspace.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "ir/error.h"
#include "ir/lasting.h"
#include "ir/status.h"
#include "runtime/barrier.h"

namespace nodec {
namespace {

constexpr std::size_t kSizesKnown = 8;

[[noreturn]] void refuse_scratch(const ScratchBuffer& buffer, const Signature& signature,
                                 const Bindings& sizes) {
  std::string with;
  for (const std::string& symbol : buffer.bytes.symbols()) {
    with += fmt::format("{} {} = {}", with.empty() ? " with" : ",", symbol, sizes.at(symbol));
  }
  throw Error(fmt::format("the intermediate arrays of '{}' take more bytes than there are: '{}' "
                          "takes {}{}",
                          signature.name, buffer.name, buffer.bytes.str(), with),
              {}, "run it on smaller arrays");
}

}  // namespace

std::int64_t scratch_bytes(const ScratchBuffer& buffer, const Signature& signature,
                           const Bindings& sizes) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() - 2 * kAlignment;
  std::int64_t bytes = kMost + 1;
  try {
    bytes = buffer.bytes.evaluate(sizes);
  } catch (const Error&) {  // past 2^63
  }
  if (bytes > kMost) refuse_scratch(buffer, signature, sizes);
  NODEC_CHECK(bytes >= 0, "buffer '{}' of {} bytes", buffer.name, bytes);
  return aligned(bytes);
}

Workspace::Workspace(const Signature& signature)
    : signature_(signature), scratch_(signature.scratch.size()) {
  for (std::size_t i = 0; i < signature.tapes.size(); ++i) {
    tapes_.tapes.push_back(std::make_unique<TapeStorage>());
  }
}

void Workspace::prepare(const std::vector<std::int64_t>& symbols, std::int64_t tape_limit) {
  tapes_.begin(tape_limit);
  if (symbols != symbols_ || arena_ == nullptr) {
    symbols_.clear();  // whatever stops half-way, the next call starts over
    Bindings bindings;
    for (std::size_t i = 0; i < symbols.size(); ++i) bindings[signature_.symbols[i]] = symbols[i];
    resize(bindings);
    symbols_ = symbols;
  }
}

// Buffers follow each other in one arena: consecutive addresses share cache sets evenly, which
// separate page-aligned allocations would not.
void Workspace::resize(const Bindings& bindings) {
  std::int64_t total = 64;
  std::vector<std::int64_t> offsets;
  for (const ScratchBuffer& buffer : signature_.scratch) {
    const std::int64_t size = scratch_bytes(buffer, signature_, bindings);
    offsets.push_back(total);
    if (__builtin_add_overflow(total, size, &total)) refuse_scratch(buffer, signature_, bindings);
  }
  if (total > arena_bytes_) make_arena(total);
  for (std::size_t i = 0; i < offsets.size(); ++i) scratch_[i] = arena_.get() + offsets[i];
  for (std::size_t i = 0; i < signature_.tapes.size(); ++i) {
    const TapeLayout& tape = signature_.tapes[i];
    tapes_.tapes[i]->prepare(tape.frame_bytes.evaluate(bindings), tape.alignment);
  }
}

void Workspace::make_arena(std::int64_t bytes) {
  arena_.reset();
  arena_bytes_ = 0;
  arena_ = try_allocate(bytes);
  if (arena_ == nullptr) {
    throw Error(fmt::format("there is no memory for the intermediate arrays of '{}', {} bytes",
                            signature_.name, bytes),
                {}, "run it on smaller arrays");
  }
  arena_bytes_ = bytes;
  std::memset(arena_.get(), 0xff, std::size_t(bytes));
}

void Workspace::fill(CallFrame& frame) {
  chunks_done_.assign(std::size_t(8 * (frame.threads + 1)), 0);
  auto counters = reinterpret_cast<std::uintptr_t>(chunks_done_.data());
  frame.ports = ports.data();
  frame.symbols = symbols_.data();
  frame.scratch = scratch_.data();
  frame.tapes = &tapes_;
  cursors_.assign(signature_.tapes.size() * std::size_t(frame.threads), {});
  frame.cursors = cursors_.data();
  frame.chunks_done = reinterpret_cast<std::int64_t*>((counters + 63) / 64 * 64);
}

TeamSize& Workspace::team_size(int threads, std::span<const TensorView> inputs,
                               const Bindings& given) {
  std::uint64_t sizes = std::uint64_t(threads);
  const auto mix = [&](std::int64_t size) {
    sizes = (sizes ^ std::uint64_t(size)) * 0x9e3779b97f4a7c15;
    sizes ^= sizes >> 32;
  };
  for (const TensorView& input : inputs) std::ranges::for_each(input.dims, mix);
  for (const auto& [symbol, size] : given) mix(size);
  for (Sized& known : team_sizes_) {
    if (known.sizes == sizes && known.size.most() == threads) return known.size;
  }
  static auto& load = lasting<Load>(processor_count(), runnable_threads);  // the machine's
  const Sized fresh{sizes, TeamSize(threads, load)};
  if (team_sizes_.size() < kSizesKnown) {
    team_sizes_.reserve(kSizesKnown);
    return team_sizes_.emplace_back(fresh).size;
  }
  Sized& forgotten = team_sizes_[oldest_size_++ % kSizesKnown];
  forgotten = fresh;
  return forgotten.size;
}

void Workspace::reserve_stacks(std::int64_t bytes, int members, bool first, bool others) {
  first_stack_ = first;
  other_stacks_ = others && members > 1;
  if (!first_stack_ && !other_stacks_) return;
  if (std::ssize(stacks_) < members) stacks_.resize(std::size_t(members));
  for (int member = 0; member < members; ++member) {
    if (stack(member) == nullptr || stacks_[std::size_t(member)].reserve(bytes)) continue;
    throw Error(fmt::format("'{}' wants {} KB of stack, and there is no memory for them",
                            signature_.name, bytes / 1024),
                {}, "raise the limit of the stack (ulimit -s) or of memory (ulimit -v)");
  }
}

Stack* Workspace::stack(std::int64_t member) {
  const bool own = !(member == 0 ? first_stack_ : other_stacks_);
  return own ? nullptr : &stacks_[std::size_t(member)];
}

void Workspace::tell_tape(Outcome& outcome) const {
  if (tapes_.room.missed()) {
    outcome.status = std::int64_t(Status::NoFrame);
    return;
  }
  outcome.tape_bytes = tapes_.room.wanted();
  outcome.tape_limit = tapes_.room.limit();
  outcome.tape_frames = tapes_.room.refused_frame();
}

std::int64_t Workspace::tape_growths() const {
  std::int64_t growths = 0;
  for (const auto& tape : tapes_.tapes) growths += tape->growths();
  return growths;
}

std::int64_t Workspace::held_bytes() const {
  std::int64_t bytes = arena_bytes_ + tape_bytes();
  for (const Stack& stack : stacks_) bytes += stack.bytes();
  return bytes;
}

std::int64_t Workspace::tape_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& tape : tapes_.tapes) bytes += tape->held_bytes();
  return bytes;
}

}  // namespace nodec
