// What reaches what through loops, branches and calls in one another, in both directions.
#include "ir/spread.h"

#include <doctest/doctest.h>

#include <set>

#include "ir/groups.h"
#include "ir/parse.h"
#include "kernels/catalogue.h"

using namespace nodec;

namespace {

using Names = std::set<std::string>;

bool anything(const Value&, const Op&, const Value&) { return true; }

struct Program {
  std::unique_ptr<Graph> graph;
  Spread spread;

  explicit Program(const char* text, bool (*through)(const Op&) = yields_results)
      : graph(parse(text, find_primitive)), spread(graph->body, through) {}

  Names users(std::size_t argument, const Spread::Passes& passes = anything) const {
    return names(spread.users({graph->body.arg(argument)}, passes));
  }
  Names makers(std::size_t result, const Spread::Passes& passes = anything) const {
    return names(spread.makers({graph->body.results[result]}, passes));
  }
  Names needs(std::size_t result) const {
    return names(spread.needs({graph->body.results[result]}));
  }

 private:
  static Names names(const ValueSet& values) {
    Names all;
    for (const Value* v : values) all.insert(v->name);
    return all;
  }
};

// x1 comes of x and of y from the second turn on; z is read by the test alone.
const char* kLoop = R"(graph g (%x: f32[], %y: f32[], %z: f32[]) {
  %x1, %y1 = while %x, %y, %z {carried = 2} region (%tx: f32[], %ty: f32[], %tz: f32[]) {
    %more = lt %tx, %tz
    yield %more
  } region (%bx: f32[], %by: f32[], %bz: f32[]) {
    %nx = add %bx, %by
    %ny = exp %by
    yield %nx, %ny
  }
  yield %x1, %y1
})";

}  // namespace

TEST_CASE("a carry reaches what it is on the next turn, and the loop's result") {
  const Program p(kLoop);
  CHECK(p.users(0) == Names{"x", "tx", "more", "bx", "nx", "x1"});
  CHECK(p.users(1) == Names{"y", "ty", "by", "ny", "y1", "nx", "bx", "x1", "tx", "more"});
  CHECK(p.users(2) == Names{"z", "tz", "more", "bz"});
}

TEST_CASE("a carry needs what it starts as, and its result goes with its argument") {
  const Program p(kLoop);
  CHECK(p.makers(1) == Names{"y1", "y", "ny", "by"});
  CHECK(p.makers(0) == Names{"x1", "x", "nx", "bx", "by", "y", "ny", "y1"});
}

TEST_CASE("what a loop goes by is needed, whichever of its results is asked for") {
  const Program p(kLoop);
  CHECK(p.needs(1) == Names{"y1", "y", "ny", "by", "more", "tx", "tz", "x", "z", "nx", "bx", "x1"});
}

TEST_CASE("a branch and a call are gone through member by member") {
  const Program p(R"(graph g (%c: bool[], %x: f32[], %y: f32[]) {
  %u, %v = cond %c, %x, %y region (%a: f32[], %b: f32[]) {
    yield %a, %b
  } region (%a2: f32[], %b2: f32[]) {
    %r, %s = call %a2, %b2 region (%m: f32[], %n: f32[]) {
      %e = exp %m
      yield %e, %n
    }
    yield %r, %s
  }
  yield %u, %v
})");
  CHECK(p.users(1) == Names{"x", "a", "a2", "m", "e", "r", "u"});
  CHECK(p.makers(1) == Names{"v", "b", "b2", "n", "s", "y"});
}

TEST_CASE("all results of an op that is not gone through depend on all operands") {
  const Program p(kLoop, [](const Op&) { return false; });
  CHECK(p.users(2) == Names{"z", "x1", "y1"});
  CHECK(p.makers(1) == Names{"y1", "x", "y", "z"});
}

TEST_CASE("a mark goes no further than it is let") {
  const Program p(kLoop);
  const auto passes = [](const Value&, const Op& op, const Value& next) {
    return op.primitive != &exp_p && next.name != "by";
  };
  CHECK(p.users(1, passes) == Names{"y", "ty", "y1"});
}
