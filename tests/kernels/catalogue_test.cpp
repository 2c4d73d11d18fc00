// What must hold of every primitive, from the catalogue alone: a new op is tested by its line
// there.
#include "kernels/catalogue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "ir/interpret.h"
#include "ir/parse.h"
#include "ir/philox.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "kernels/build.h"
#include "kernels/sample.h"
#include "tests/kernels/compositions.h"
#include "tests/kernels/plain_ad.h"

using namespace nodec;

namespace {

const Bindings kBindings{{"B", 5}};

// Whether every op that a cotangent could meet has a plain rule.
bool plainly_differentiable(const Region& region) {
  return std::all_of(region.ops.begin(), region.ops.end(),
                     [](const auto& op) { return op->primitive->gradient.rule != nullptr; });
}

double weight(std::size_t result, std::int64_t element) {
  const auto words = philox::draw(7, std::uint64_t(element), result);
  return philox::uniform_f64(words[0], words[1]) - 0.5;
}

// A weighted sum of all float results.
double loss(const Graph& graph, const std::vector<Array>& arguments) {
  double sum = 0;
  const std::vector<Array> results = interpret(graph, arguments);
  for (std::size_t r = 0; r < results.size(); ++r) {
    if (!is_float(results[r].dtype)) continue;
    for (std::int64_t i = 0; i < results[r].count(); ++i) sum += weight(r, i) * results[r].real(i);
  }
  return sum;
}

// The same sum's gradient for each float argument, by the gradient rules.
std::vector<Array> gradient(const Graph& graph, std::vector<Array> arguments) {
  const std::vector<Array> results = interpret(graph, arguments);
  const auto reverse = clone(graph);
  std::vector<Value*> seeds(results.size(), nullptr);
  for (std::size_t r = 0; r < results.size(); ++r) {
    if (!is_float(results[r].dtype)) continue;
    seeds[r] = reverse->body.add_arg(reverse->body.results[r]->type);
    Array cotangent = results[r];
    for (std::int64_t i = 0; i < cotangent.count(); ++i) cotangent.set(i, weight(r, i));
    arguments.push_back(cotangent);
  }
  plain_ad::reverse(reverse->body, seeds);
  reverse->result_names.resize(reverse->body.results.size());
  reverse->aliases.assign(reverse->body.results.size(), -1);
  verify(*reverse, "the reverse sweep of a test");
  return interpret(*reverse, arguments);
}

void check_gradient(const Primitive& p, std::uint64_t seed) {
  const auto graph = sample_graph(p, Dtype::F64);
  std::vector<Array> x = sample_arguments(*graph, p.domain, kBindings, seed);
  const std::vector<Array> dx = gradient(*graph, x);
  constexpr double h = 1e-5;
  std::size_t next = 0;
  for (Array& array : x) {
    if (!is_float(array.dtype)) continue;
    const Array& analytic = dx.at(next++);
    for (std::int64_t i = 0; i < array.count(); ++i) {
      const double at = array.real(i);
      array.set(i, at + h);
      const double above = loss(*graph, x);
      array.set(i, at - h);
      const double below = loss(*graph, x);
      array.set(i, at);
      const double numeric = (above - below) / (2 * h);
      CHECK(analytic.real(i) == doctest::Approx(numeric).epsilon(1e-6).scale(1e-2));
    }
  }
}

}  // namespace

TEST_CASE("every primitive is found by its name, and nothing else is") {
  for (const Primitive* p : catalogue()) CHECK(find_primitive(p->name) == p);
  CHECK(catalogue().size() > 80);
  CHECK(find_primitive("box.new") == &box_new_p);
  CHECK(find_primitive("while") == &while_p);
  CHECK(find_primitive("box_new") == nullptr);
  CHECK(find_primitive("") == nullptr);
}

TEST_CASE("the catalogue is sorted") {
  std::vector<std::string> lines;
  for (const Primitive* p : catalogue()) {
    lines.emplace_back(p->name);
    std::replace(lines.back().begin(), lines.back().end(), '.', '_');
  }
  CHECK(std::is_sorted(lines.begin(), lines.end()));
}

TEST_CASE("every primitive has the rules of its form, and a derivative or a reason for none") {
  for (const Primitive* p : catalogue()) {
    CAPTURE(p->name);
    const bool rule = p->gradient.rule || (p->gradient.augment && p->gradient.reverse);
    CHECK(rule == p->gradient.none_because.empty());
    CHECK((p->form == Form::Elementwise) == (p->lower != nullptr));
    CHECK((p->form == Form::Reduce) == (p->fold.step && p->fold.start && p->fold.merge));
    if (p->expand) CHECK(p->form == Form::Rewrite);
    if (p->view) CHECK(p->form == Form::View);
  }
}

TEST_CASE("the text of every sample parses back to the same text") {
  for (const Primitive* p : catalogue()) {
    for (const Dtype real : {Dtype::F32, Dtype::F64}) {
      CAPTURE(p->name);
      const auto graph = sample_graph(*p, real);
      verify(*graph, "sampling");
      const std::string text = print(*graph);
      const auto again = parse(text, find_primitive);
      CHECK(print(*again) == text);
      CHECK(text.find(fmt::format(" {}", p->name)) != std::string::npos);
    }
  }
}

TEST_CASE("every sample is interpreted") {
  for (const Primitive* p : catalogue()) {
    if (!p->eval && !p->scalar) continue;
    CAPTURE(p->name);
    const auto graph = sample_graph(*p, Dtype::F64);
    const auto results = interpret(*graph, sample_arguments(*graph, p->domain, kBindings, 1));
    CHECK(results.size() == graph->body.results.size());
  }
}

TEST_CASE("the gradient of every primitive agrees with central differences") {
  int checked = 0;
  for (const Primitive* p : catalogue()) {
    if (p == &stop_gradient_p) continue;  // is there to disagree
    if (!p->gradient.rule || !plainly_differentiable(sample_graph(*p, Dtype::F64)->body)) continue;
    CAPTURE(p->name);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) check_gradient(*p, seed);
    ++checked;
  }
  CHECK(checked >= 60);
}

TEST_CASE("the gradient of every composition agrees with central differences") {
  for (const Primitive& p : testing::compositions()) {
    CAPTURE(p.name);
    for (std::uint64_t seed = 1; seed <= 2; ++seed) check_gradient(p, seed);
  }
}

TEST_CASE("what an op expands to gives what the op gives") {
  for (const Primitive* p : catalogue()) {
    if (!p->expand || p->gradient.rule == nullptr) continue;
    CAPTURE(p->name);
    const auto graph = sample_graph(*p, Dtype::F64);
    const auto data = sample_arguments(*graph, p->domain, kBindings, 2);
    const auto whole = interpret(*graph, data);
    Graph expanded;
    expanded.batch = graph->batch;
    Builder b(expanded.body);
    ValueMap map;
    for (const auto& arg : graph->body.args) map[arg.get()] = expanded.body.add_arg(arg->type);
    copy_ops(graph->body, expanded.body, map);
    for (const Value* result : graph->body.results) {
      const Value* copy = map.at(result);
      expanded.body.results.push_back(p->expand(b, *copy->op).at(std::size_t(copy->index)));
      CHECK(expanded.body.results.back()->type == result->type);
    }
    CHECK(interpret(expanded, data) == whole);
  }
}
