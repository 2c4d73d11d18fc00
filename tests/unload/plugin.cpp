// A library that runs programs and is unloaded with its threads asleep and a program still held.
#include <atomic>

#include "runtime/team_pool.h"
#ifdef NODEC_CPU_JIT
#include "compiler/nodec.h"
#endif

// How many members ran.
extern "C" int run_on_team(int members) {
  std::atomic<int> ran{0};
  nodec::TeamLease team(members, true);
  team.run([](void* context, std::int64_t) { ++*static_cast<std::atomic<int>*>(context); }, &ran);
  return ran;
}

// Twice x, by machine code that is dropped when the library is. It is cached in `folder`.
extern "C" double run_compiled(double x, [[maybe_unused]] const char* folder) {
#ifdef NODEC_CPU_JIT
  using namespace nodec;
  static Program program;
  const Traced twice = trace("twice", {{"x", f64()}}, [](Var y) { return y + y; });
  program = compile(twice, {.cache = ObjectCache(folder)});
  const Tensor given = Tensor::scalar(x);
  return program.executable->run(std::vector<TensorView>{given})[0].values<double>()[0];
#else
  return 2 * x;
#endif
}
