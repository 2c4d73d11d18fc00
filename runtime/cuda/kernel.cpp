// A kernel's bytes: a head of numbers, then its parts one after the other.
#include "runtime/cuda/kernel.h"

#include <array>
#include <cstring>

#include "ir/error.h"

namespace nodec {
namespace {

constexpr char kMagic[8] = {'n', 'o', 'd', 'e', 'c', 'g', 'p', 'u'};

struct Head {
  char magic[8];
  std::int64_t parts, block_members, shared_bytes, arena_bytes, team, arena_shared, dense_members;
  std::int64_t architecture;
  std::uint64_t cubin, ptx, text;  // bytes
};

}  // namespace

std::string pack(const KernelObject& object) {
  const KernelLaunch& launch = object.launch;
  Head head{{},
            launch.parts,
            launch.block_members,
            launch.shared_bytes,
            launch.arena_bytes,
            launch.team ? 1 : 0,
            launch.arena_shared ? 1 : 0,
            launch.dense_members,
            object.architecture,
            object.cubin.size(),
            object.ptx.size(),
            object.text.size()};
  std::memcpy(head.magic, kMagic, sizeof kMagic);
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  return bytes + object.cubin + object.ptx + object.text;
}

KernelObject unpack(std::string_view bytes) {
  Head head{};
  const bool long_enough = bytes.size() >= sizeof head;
  if (long_enough) std::memcpy(&head, bytes.data(), sizeof head);
  if (!long_enough || std::memcmp(head.magic, kMagic, sizeof kMagic) != 0 ||
      bytes.size() - sizeof head != head.cubin + head.ptx + head.text) {
    throw Error("this is no program for a GPU", {}, "compile it for one");
  }
  bytes.remove_prefix(sizeof head);
  const auto take = [&](std::uint64_t size) {
    const std::string part(bytes.substr(0, size));
    bytes.remove_prefix(size);
    return part;
  };
  KernelObject object;
  object.launch = {int(head.parts), int(head.block_members), head.shared_bytes, head.arena_bytes,
                   head.team != 0,  head.arena_shared != 0,  head.dense_members};
  object.architecture = int(head.architecture);
  object.cubin = take(head.cubin);
  object.ptx = take(head.ptx);
  object.text = take(head.text);
  return object;
}

}  // namespace nodec
