// The gradient of many elements of a tensor is one concatenation.
#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"

namespace nodec {
namespace {

std::string simplified(const std::function<Var(const Var& x)>& loss, const Shape& shape) {
  const auto graph = trace("pads", {{"x", Type::tensor(Dtype::F64, shape)}}, [&](const Var& x) {
                       return grad(loss, x);
                     }).graph;
  oracle::expect_agreement(*graph, 1e-12);
  return dump(*graph, "simplify");
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

// A function of the elements `first`, `first + step`, ...
std::function<Var(const Var&)> of_elements(int first, int step, int n) {
  return [=](const Var& x) {
    Var total = constant(0.0, Dtype::F64);
    for (int i = first; i < n; i += step) total = total + sin(x.at(i)) * double(i);
    return total;
  };
}

}  // namespace

TEST_CASE("pads side by side, with gaps and in any order are one concatenation") {
  for (const auto& [first, step] : {std::pair{0, 1}, {1, 2}, {3, 4}}) {
    const std::string text = simplified(of_elements(first, step, 20), {20});
    CHECK(count(text, "= pad ") == 0);
    CHECK(count(text, "= concat ") == 1);
  }
  const std::string text = simplified(
      [](const Var& x) { return sum(x.at(3) * x.at(1)) + sum(exp(x.at(4)) / x.at(0)); }, {5, 3});
  CHECK(count(text, "= pad ") == 0);
}

TEST_CASE("many pads over one another are as many concatenations as lie over an element") {
  const auto neighbours = [](const Var& x) {
    Var total = constant(0.0, Dtype::F64);
    for (int i = 0; i < 20; ++i) total = total + sin(x.at(i)) * x.at((i + 1) % 20);
    return total;
  };
  const std::string text = simplified(neighbours, {20});
  CHECK(count(text, "= pad ") == 0);
  CHECK(count(text, "= concat ") == 2);
  const auto thrice = [](const Var& x) {
    Var total = constant(0.0, Dtype::F64);
    for (int i = 0; i < 57; ++i) total = total + sum(exp(x.at(i % 19)) * double(i));
    return total;
  };
  CHECK(count(simplified(thrice, {20, 2}), "= pad ") == 0);
}

TEST_CASE("pads over one another are added") {
  const std::string text = simplified(
      [](const Var& x) {
        Var total = constant(0.0, Dtype::F64);
        for (int i = 0; i < 8; ++i) total = total + sum(slice(x, 0, i, 3) * double(i + 1));
        return total;
      },
      {20});
  CHECK(count(text, "= pad ") > 1);
}

}  // namespace nodec
