// The choice, and the refusals.
#include "runtime/cuda/launch.h"

#include <algorithm>
#include <cstdlib>

#include "ir/error.h"

namespace nodec {
namespace {

using Kind = LaunchForm::Kind;

constexpr std::int64_t kMostBlocks = (std::int64_t{1} << 31) - 1;

std::int64_t blocks_for(const KernelLaunch& kernel, std::int64_t members) {
  return (members + kernel.block_members - 1) / kernel.block_members;
}

Kind kind_for(const KernelLaunch& kernel, std::int64_t blocks, const DeviceLimits& device,
              const TeamChoice& wanted) {
  if (!kernel.team) return Kind::Plain;
  if (blocks == 1) return Kind::Block;
  const bool cluster = blocks <= device.most_cluster;
  return cluster && wanted.form != TeamChoice::Form::Grid ? Kind::Cluster : Kind::Grid;
}

void check_sizes(const LaunchForm& form, const DeviceLimits& device) {
  if (form.threads > device.most_threads) {
    throw Error(fmt::format("the program wants blocks of {} threads, and {} has {} at most",
                            form.threads, device.name, device.most_threads),
                {}, "compile it for this device");
  }
  if (form.shared_bytes > device.shared_bytes) {
    throw Error(fmt::format("the program wants {} bytes of shared memory for a block, and {} has "
                            "{} at most",
                            form.shared_bytes, device.name, device.shared_bytes),
                {}, "compile it for this device");
  }
}

// For measurements: results do not depend on it.
TeamChoice team_from_environment() {
  const char* named = std::getenv("NODEC_GPU_TEAM");
  const std::string_view words = named == nullptr ? "" : named;
  if (words.empty()) return {};
  if (words == "block") return {TeamChoice::Form::Block};
  if (words == "cluster") return {TeamChoice::Form::Cluster};
  if (words == "grid") return {TeamChoice::Form::Grid};
  throw Error(fmt::format("NODEC_GPU_TEAM is how a GPU's team is launched, got '{}'", words), {},
              "say block, cluster or grid");
}

}  // namespace

std::string_view name_of(Kind kind) {
  constexpr std::string_view names[] = {"plain", "block", "cluster", "grid"};
  return names[std::size_t(kind)];
}

std::string text_of(const LaunchForm& form) {
  const std::string blocks = fmt::format("{} block{} of {} threads", form.blocks,
                                         form.blocks == 1 ? "" : "s", form.threads);
  const bool shares = form.kind == Kind::Cluster || form.kind == Kind::Grid;
  const std::string team = shares ? fmt::format("a {} of {}", name_of(form.kind), blocks) : blocks;
  return form.arena_shared ? team + ", arenas in shared memory" : team;
}

LaunchForm choose_form(const KernelLaunch& kernel, std::int64_t chunks, const DeviceLimits& device,
                       const TeamChoice& wanted,
                       const std::function<std::int64_t(std::int64_t)>& resident) {
  LaunchForm form;
  form.member_threads = 32 * kernel.parts;
  form.threads = form.member_threads * kernel.block_members;
  form.shared_bytes = kernel.shared_bytes * kernel.block_members;
  check_sizes(form, device);

  std::int64_t blocks = blocks_for(kernel, std::max(chunks, kernel.dense_members));
  if (!kernel.team) blocks = blocks_for(kernel, chunks);
  if (wanted.members > 0) blocks = blocks_for(kernel, wanted.members);
  if (wanted.form == TeamChoice::Form::Block) blocks = 1;
  if (wanted.form == TeamChoice::Form::Cluster) {
    blocks = std::min<std::int64_t>(blocks, device.most_cluster);
  }
  blocks = std::clamp<std::int64_t>(blocks, 1, kMostBlocks);

  const auto with_arenas = [&](std::int64_t blocks) {
    const std::int64_t bytes = form.shared_bytes + kernel.arena_bytes * kernel.block_members;
    return kernel.arena_bytes > 0 && kernel.arena_shared &&
           blocks * kernel.block_members >= chunks && bytes <= device.shared_bytes;
  };
  form.kind = kind_for(kernel, blocks, device, wanted);
  form.arena_shared = with_arenas(blocks);
  const auto shared_bytes = [&] {
    return form.shared_bytes + (form.arena_shared ? kernel.arena_bytes * kernel.block_members : 0);
  };
  if (form.kind == Kind::Plain && form.arena_shared) {
    // Blocks that wait for room cost more than memory that is further off.
    const std::int64_t most = std::min(blocks, resident(form.shared_bytes));
    form.arena_shared = resident(shared_bytes()) >= most;
  }
  if (form.kind == Kind::Grid) {
    std::int64_t most = device.cooperative ? resident(shared_bytes()) : 1;
    if (blocks > most && form.arena_shared) {
      // Fewer members have several chunks each, whose arenas are in global memory; and with less
      // shared memory more of them may fit.
      form.arena_shared = false;
      most = device.cooperative ? resident(shared_bytes()) : 1;
    }
    if (most < 1) {
      throw Error(fmt::format("no block of {} threads with {} bytes of shared memory fits {}",
                              form.threads, shared_bytes(), device.name),
                  {}, "compile it for this device");
    }
    blocks = std::min(blocks, most);
    if (blocks == 1) form.kind = Kind::Block;
  }
  form.blocks = int(blocks);
  form.shared_bytes = shared_bytes();
  return form;
}

LaunchForm form_on(Device& device, Device::Kernel& kernel, const KernelLaunch& launch,
                   std::int64_t chunks, const TeamChoice& wanted) {
  const TeamChoice team = wanted == TeamChoice{} ? team_from_environment() : wanted;
  return choose_form(launch, chunks, device.limits(), team, [&](std::int64_t shared_bytes) {
    return device.resident_blocks(kernel, 32 * launch.parts * launch.block_members, shared_bytes);
  });
}

}  // namespace nodec
