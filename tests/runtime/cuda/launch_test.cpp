// Which form a launch takes.
#include "runtime/cuda/launch.h"

#include <doctest/doctest.h>

#include "runtime/emulator/emulated_device.h"
#include "tests/runtime/cuda/programs.h"
#include "tests/runtime/doubling.h"
#include "tests/setting.h"

using namespace nodec;
using namespace nodec::testing;
using Kind = LaunchForm::Kind;

namespace {

DeviceLimits h100() {
  DeviceLimits limits;
  limits.name = "an H100";
  limits.architecture = 90;
  limits.processors = 132;
  limits.most_cluster = 8;
  limits.shared_bytes = 227 << 10;
  return limits;
}

LaunchForm form(const KernelLaunch& kernel, std::int64_t chunks,
                const DeviceLimits& limits = h100(), const TeamChoice& wanted = {},
                std::int64_t resident = 132) {
  return choose_form(kernel, chunks, limits, wanted, [&](std::int64_t) { return resident; });
}

const KernelLaunch kMnist{
    .parts = 10, .shared_bytes = 30 << 10, .arena_bytes = 95 << 10, .dense_members = 4};

}  // namespace

TEST_CASE("one block, a cluster of up to eight, then a grid") {
  KernelLaunch kernel = kMnist;
  kernel.dense_members = 1;
  CHECK(form(kernel, 1) == LaunchForm{Kind::Block, 1, 320, 320, 125 << 10, true});
  CHECK(form(kernel, 4) == LaunchForm{Kind::Cluster, 4, 320, 320, 125 << 10, true});
  CHECK(form(kernel, 8).kind == Kind::Cluster);
  CHECK(form(kernel, 9) == LaunchForm{Kind::Grid, 9, 320, 320, 125 << 10, true});
  kernel.dense_members = 16;
  CHECK(form(kernel, 4) == LaunchForm{Kind::Grid, 16, 320, 320, 125 << 10, true});
}

TEST_CASE("an older device has no clusters, and less shared memory") {
  DeviceLimits a100 = h100();
  a100.most_cluster = 1;
  a100.shared_bytes = 100 << 10;
  CHECK(form(kMnist, 4, a100) == LaunchForm{Kind::Grid, 4, 320, 320, 30 << 10, false});
}

TEST_CASE("no more members than are there at once; then chunks share them") {
  CHECK(form(kMnist, 1000) == LaunchForm{Kind::Grid, 132, 320, 320, 30 << 10, false});
  CHECK(form(kMnist, 64, h100(), {TeamChoice::Form::Block}) ==
        LaunchForm{Kind::Block, 1, 320, 320, 30 << 10, false});
}

TEST_CASE("members that never meet are launched as they come") {
  KernelLaunch kernel{.parts = 1, .block_members = 4, .team = false};
  CHECK(form(kernel, 256) == LaunchForm{Kind::Plain, 64, 128, 32, 0, false});
  CHECK(form(kernel, 1 << 20).blocks == 1 << 18);
}

TEST_CASE("members that never meet have arenas in shared memory where that keeps none waiting") {
  const KernelLaunch kernel{
      .parts = 1, .shared_bytes = 10 << 10, .arena_bytes = 20 << 10, .team = false};
  const auto shared = [&](std::int64_t chunks) {
    return choose_form(kernel, chunks, h100(), {},
                       [](std::int64_t bytes) { return 132 * ((227 << 10) / bytes); })
        .arena_shared;
  };
  CHECK(shared(7 * 132));
  CHECK(!shared(8 * 132));
}

TEST_CASE("a kernel that fits in no way is refused with the sizes") {
  KernelLaunch kernel = kMnist;
  kernel.shared_bytes = 300 << 10;
  CHECK(
      message([&] { form(kernel, 1); }) ==
      "error: the program wants 307200 bytes of shared memory for a block, and an H100 has 232448 "
      "at most\n  help: compile it for this device");
  kernel = kMnist;
  kernel.parts = 40;
  CHECK(message([&] { form(kernel, 1); }).find("blocks of 1280 threads, and an H100 has 1024") !=
        std::string::npos);
  CHECK(message([&] {
          form(kMnist, 100, h100(), {}, 0);
        }).find("no block of 320 threads with 30720 bytes of shared memory fits an H100") !=
        std::string::npos);
}

TEST_CASE("the environment may say how a team is launched") {
  const auto program = load_on(emulated_device(), gpu_doubling());
  CHECK(program->launch_form(300)->kind == Kind::Grid);
  for (const auto& [words, kind] :
       {std::pair("block", Kind::Block), std::pair("cluster", Kind::Cluster),
        std::pair("grid", Kind::Grid)}) {
    const Setting setting("NODEC_GPU_TEAM", words);
    CHECK(program->launch_form(100)->kind == kind);
  }
  const Setting setting("NODEC_GPU_TEAM", "crowd");
  CHECK(message([&] { program->launch_form(100); }) ==
        "error: NODEC_GPU_TEAM is how a GPU's team is launched, got 'crowd'\n"
        "  help: say block, cluster or grid");
}

TEST_CASE("a form in words") {
  CHECK(text_of({Kind::Block, 1, 320}) == "1 block of 320 threads");
  CHECK(text_of({Kind::Plain, 4, 64}) == "4 blocks of 64 threads");
  CHECK(text_of({Kind::Cluster, 4, 320}) == "a cluster of 4 blocks of 320 threads");
  CHECK(text_of({Kind::Grid, 9, 320}) == "a grid of 9 blocks of 320 threads");
  CHECK(text_of({Kind::Block, 1, 320, 320, 64, true}) ==
        "1 block of 320 threads, arenas in shared memory");
}

TEST_CASE("a kernel's bytes come back as they went") {
  const KernelObject object{kMnist, 90, std::string("cu\0bin", 6), "ptx", "text"};
  const KernelObject back = unpack(pack(object));
  CHECK(back.launch == object.launch);
  CHECK(back.architecture == 90);
  CHECK(back.cubin == object.cubin);
  CHECK(back.ptx == "ptx");
  CHECK(back.text == "text");
  CHECK(message([&] { unpack(pack(object).substr(1)); }) ==
        "error: this is no program for a GPU\n  help: compile it for one");
}
