// Every primitive of the catalogue as machine code against the interpreter, from its own sample: a
// new op is tested by its line in the catalogue.
#include <set>

#include "kernels/sample.h"
#include "tests/compiler/machine_code.h"
#include "tests/compiler/oracle.h"
#include "tests/kernels/compositions.h"

namespace nodec {
namespace {

double tolerance(Dtype dtype) { return dtype == Dtype::F32 ? 1e-5 : 1e-13; }

void check(const Primitive& p, Dtype dtype) {
  const auto graph = sample_graph(p, dtype);
  const Program program = oracle::compile_fresh(*graph);
  const auto plain = run_until(*graph, "differentiate");
  for (const std::int64_t batch : {5, 16, 33}) {
    const Bindings bindings{{"B", batch}};
    std::vector<Array> x = sample_arguments(*graph, p.domain, bindings, 3);
    for (Array& a : x) {
      for (double& v : a.reals) v = dtype == Dtype::F32 ? float(v) : v;
    }
    Interpreter interpreter;
    interpreter.bindings() = bindings;
    const std::vector<Datum> data(x.begin(), x.end());
    std::vector<Array> want;
    for (const Datum& d : interpreter.run(plain->body, data)) want.push_back(d.array);
    Bindings symbols;
    for (const Value* r : graph->body.results) {
      if (r->type.mentions("B")) symbols = bindings;
    }
    for (const int threads : {1, 2}) {
      INFO(p.name, ", batch ", batch, ", threads ", threads);
      oracle::expect_close(oracle::run_compiled(program, x, threads, symbols), want,
                           tolerance(dtype));
    }
  }
}

// What cannot be compiled yet, by the error a user gets.
std::set<std::string, std::less<>> refused(Dtype dtype) {
  testing::require_machine_code();
  std::set<std::string, std::less<>> names;
  for (const Primitive* p : catalogue()) {
    try {
      check(*p, dtype);
    } catch (const std::exception& e) {
      MESSAGE(std::string(p->name), ": ", std::string(e.what()));
      names.emplace(p->name);
    }
  }
  return names;
}

}  // namespace

TEST_CASE("machine code agrees with the interpreter on every primitive, in single precision") {
  CHECK(refused(Dtype::F32).empty());
}

TEST_CASE("machine code agrees with the interpreter on every primitive, in double precision") {
  CHECK(refused(Dtype::F64).empty());
}

TEST_CASE("machine code agrees with the interpreter on every composition") {
  for (const Primitive& p : testing::compositions()) {
    CAPTURE(p.name);
    for (const Dtype real : {Dtype::F32, Dtype::F64}) check(p, real);
  }
}

}  // namespace nodec
