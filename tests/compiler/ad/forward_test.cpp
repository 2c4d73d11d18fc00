// Forward mode: from the catalogue alone, then loops, tapes and solves.
#include <doctest/doctest.h>

#include <cmath>

#include "compiler/ad/differentiate.h"
#include "compiler/passes/unbox.h"
#include "ir/interpret.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/catalogue.h"
#include "kernels/sample.h"
#include "tests/compiler/ad/requests.h"
#include "tests/compiler/programs.h"
#include "tests/compiler/random_program.h"

namespace nodec::requests {
namespace {

using namespace nodec::testing;

const Bindings kBindings{{"B", 5}};

std::unique_ptr<Graph> answered(const Primitive& request, const Graph& f) {
  std::unique_ptr<Graph> graph = asking(request, f);
  differentiate(*graph);
  verify(*graph, "differentiate");
  return graph;
}

// A primitive's sample, without the requests and records that stages before replace.
std::unique_ptr<Graph> sample_of(const Primitive& p) {
  auto f = sample_graph(p, Dtype::F64);
  unbox(*f);
  differentiate(*f);
  return f;
}

// What `all` has behind f's own results.
std::vector<Array> behind(const std::vector<Array>& all, std::size_t own) {
  return {all.begin() + std::ptrdiff_t(own), all.end()};
}

std::vector<Array> reals(const std::vector<Array>& all) {
  std::vector<Array> some;
  for (const Array& array : all) {
    if (is_float(array.dtype)) some.push_back(array);
  }
  return some;
}

// <w, J v> by forward mode; with its results checked to be f's.
Product pushed(const Graph& f, const std::vector<Array>& x, const std::vector<Array>& v,
               const std::vector<Array>& w) {
  const std::vector<Array> y = interpret(f, x);
  const std::vector<Array> out = interpret(*answered(jvp_p, f), joined(x, v));
  CHECK(std::vector<Array>(out.begin(), out.begin() + std::ptrdiff_t(y.size())) == y);
  return product(behind(out, y.size()), w);
}

void check_against_reverse(const Graph& f, const std::vector<Array>& x, std::uint64_t seed,
                           double within = 1e-12) {
  const std::vector<Array> y = interpret(f, x);
  const std::vector<Array> v = directions(x, seed), w = directions(y, seed + 1);
  const Product forward = pushed(f, x, v, w);
  const std::vector<Array> pulled = behind(interpret(*answered(vjp_p, f), joined(x, w)), y.size());
  const Product reverse = product(pulled, v);
  CHECK(std::fabs(forward.sum - reverse.sum) <=
        within * std::max({forward.size, reverse.size, 1e-3}));
}

std::vector<Array> moved(std::vector<Array> x, const std::vector<Array>& v, double h) {
  std::size_t next = 0;
  for (Array& array : x) {
    if (!is_float(array.dtype)) continue;
    const Array& along = v.at(next++);
    for (std::int64_t i = 0; i < array.count(); ++i)
      array.set(i, array.real(i) + h * along.real(i));
  }
  return x;
}

void check_against_differences(const Graph& f, const std::vector<Array>& x, std::uint64_t seed,
                               double within = 1e-6, double h = 1e-5) {
  const std::vector<Array> v = directions(x, seed);
  const std::vector<Array> w = directions(interpret(f, x), seed + 1);
  const Product above = product(reals(interpret(f, moved(x, v, h))), w);
  const Product below = product(reals(interpret(f, moved(x, v, -h))), w);
  const Product forward = pushed(f, x, v, w);
  const double numeric = (above.sum - below.sum) / (2 * h);
  CHECK(std::fabs(forward.sum - numeric) <= within * std::max(forward.size, 1e-2));
}

bool has_derivative(const Primitive& p) {
  return &p != &stop_gradient_p && p.gradient.none_because.empty();
}

TEST_SUITE_BEGIN("slow");

TEST_CASE("forward mode agrees with reverse mode for every primitive") {
  int checked = 0;
  for (const Primitive* p : catalogue()) {
    if (!p->gradient.none_because.empty()) continue;
    CAPTURE(p->name);
    const auto f = sample_of(*p);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      check_against_reverse(*f, sample_arguments(*f, p->domain, kBindings, seed), seed);
    }
    ++checked;
  }
  CHECK(checked >= 60);
}

TEST_CASE("forward mode agrees with central differences for every primitive") {
  int checked = 0;
  for (const Primitive* p : catalogue()) {
    const bool forward_only = p->gradient.push != nullptr || p == &unwind_p;
    if (!has_derivative(*p) && !forward_only) continue;
    CAPTURE(p->name);
    const auto f = sample_of(*p);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      check_against_differences(*f, sample_arguments(*f, p->domain, kBindings, seed), seed);
    }
    ++checked;
  }
  CHECK(checked >= 64);
}

// The gradient of <w, f> in f's arguments, as a program.
std::unique_ptr<Graph> gradient_of(const Graph& f) { return asking(vjp_p, f); }

TEST_CASE("the derivative of the derivative agrees with central differences for every primitive") {
  int checked = 0;
  for (const Primitive* p : catalogue()) {
    if (!has_derivative(*p)) continue;
    CAPTURE(p->name);
    const auto f = sample_of(*p);
    const auto g = gradient_of(*f);
    const std::vector<Array> x = sample_arguments(*f, p->domain, kBindings, 4);
    const std::vector<Array> w = directions(interpret(*f, x), 5);
    const auto resolved = answered(vjp_p, *f);
    const std::vector<Array> at = joined(x, w);
    const std::vector<Array> v = directions(at, 6);
    const std::vector<Array> c = directions(interpret(*resolved, at), 7);
    constexpr double h = 1e-5;
    const Product above = product(reals(interpret(*resolved, moved(at, v, h))), c);
    const Product below = product(reals(interpret(*resolved, moved(at, v, -h))), c);
    const double numeric = (above.sum - below.sum) / (2 * h);
    const std::size_t own = resolved->body.results.size();
    const Product forward = product(behind(interpret(*answered(jvp_p, *g), joined(at, v)), own), c);
    CHECK(std::fabs(forward.sum - numeric) <= 2e-6 * std::max(forward.size, 1e-2));
    const Product reverse = product(behind(interpret(*answered(vjp_p, *g), joined(at, c)), own), v);
    CHECK(std::fabs(forward.sum - reverse.sum) <=
          1e-11 * std::max({forward.size, reverse.size, 1e-3}));
    ++checked;
  }
  CHECK(checked >= 60);
}

TEST_CASE("forward mode agrees with reverse mode on random programs, solves among them") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    const auto f = random_loss(seed);
    check_against_reverse(*f, draw_arguments(f->body, seed), seed, 1e-11);
  }
}

TEST_CASE("forward mode goes through loops whose length the data decides") {
  for (std::uint64_t seed = 2000; seed < 2030; ++seed) {
    CAPTURE(seed);
    const auto f = random_loops(seed);
    check_against_differences(*f, draw_arguments(f->body, seed), seed, 1e-5, 1e-6);
  }
}

TEST_SUITE_END();

}  // namespace
}  // namespace nodec::requests
