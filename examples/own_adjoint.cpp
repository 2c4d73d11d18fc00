// A rule of one's own for the derivative of a solve, registered from outside of nodec.
//
// `straight_through` hands the final state's cotangent to the initial one as it is, as if the solve
// were the identity: cheap, and wrong by what the dynamics do in between (a Jacobian-free gradient;
// Fung et al., JFB: Jacobian-free backpropagation for implicit networks, AAAI 2022). A better rule
// would build the reverse solve here, as those in kernels/solve/adjoints do.
#include <compiler/nodec.h>

using namespace nodec;

namespace {

// The solve again, over the operands of the recorded program: this rule needs nothing else of it.
Augmented same_solve(Differentiator&, Builder& b, const Op& op, std::span<Value* const> operands) {
  std::vector<std::unique_ptr<Region>> regions;
  regions.push_back(clone(op.region()));
  return b.op(*op.primitive, {operands.begin(), operands.end()}, op.attrs, std::move(regions));
}

// One cotangent an operand; null where there is none.
std::vector<Value*> identity(Differentiator&, Builder& b, const Op& y, Saved,
                             std::span<Value* const> dy) {
  const SolveView solve(y);
  fail_unless_solved(b, solve);
  std::vector<Value*> dx(y.operands.size(), nullptr);
  for (std::size_t i = 0; i < solve.states(); ++i) dx[solve.first_state() + i] = dy[i];
  return dx;
}

}  // namespace

int main() {
  // The version is part of the cache key of programs that use the rule: raise it with every change.
  register_adjoint(
      {.name = "straight_through", .augment = same_solve, .reverse = identity, .version = 1});
  for (const char* adjoint : {"discrete", "straight_through"}) {
    const Program program = compile("decay", {{"u0", f64()}}, [&](const Var& u0) {
      const SolveOptions options{.adjoint = adjoint};
      return grad(
          [&](const Var& u) { return solve([](const Var& x) { return -x; }, u, 0, 1, options).u; },
          u0);
    });
    const Tensor u0 = Tensor::scalar(2.0);
    const auto out = program.executable->run(std::vector<TensorView>{u0});
    fmt::print("{}: du(1)/du(0) = {:.4f}\n", adjoint, out[0].values<double>()[0]);
  }
}
