// A library that runs a program on a team and is unloaded with its threads asleep.
#include <atomic>

#include "runtime/team_pool.h"

// How many members ran.
extern "C" int run_on_team(int members) {
  std::atomic<int> ran{0};
  nodec::TeamLease team(members, true);
  team.run([](void* context, std::int64_t) { ++*static_cast<std::atomic<int>*>(context); }, &ran);
  return ran;
}
