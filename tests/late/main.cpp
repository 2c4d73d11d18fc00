// A program that traces, looks through, compiles (from the cache, the second time) and runs while
// its statics are destroyed.
#include <cstdio>
#include <cstdlib>

#include "compiler/nodec.h"

using namespace nodec;

namespace {

double solved() {
  const Traced decay = trace("decay", {{"u0", Type::scalar(Dtype::F64)}},
                             [](Var u0) { return solve([](Var u) { return -u; }, u0, 0, 1).u; });
  if (!analyze(decay).empty()) return 0;
  const Tensor start = Tensor::scalar(1.0);
  return compile(decay).executable->run(std::vector<TensorView>{start})[0].values<double>()[0];
}

// Made before whatever the library makes, so destroyed behind it.
struct Session {
  double early = 0;
  ~Session() {
    const double late = solved();
    if (late == early && late > 0.36 && late < 0.37) return;
    std::fprintf(stderr, "%g at first, %g at last\n", early, late);
    std::_Exit(1);
  }
};
Session session;

}  // namespace

int main() {
  session.early = solved();
  return 0;
}
