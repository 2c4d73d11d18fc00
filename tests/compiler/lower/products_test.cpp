// Products of matrices with vectors and with samples, wherever they come from.
#include "ir/print.h"
#include "tests/compiler/lower/matrix.h"

namespace nodec::oracle {
namespace {

// Of the inputs x0 [4, 3], x1 [3], x2 [4], x3 [3, B], x4 [B, 3] and x5 [4, B].
using Factor = std::pair<const char*, Loss>;

std::vector<Type> factors() {
  const auto floats = [](Shape shape) { return Type::tensor(Dtype::F64, std::move(shape)); };
  return {floats({4, 3}),  floats({3}),     floats({4}),
          floats({3, kB}), floats({kB, 3}), floats({4, kB})};
}

const std::vector<Factor>& matrices() {  // [4, 3]
  static const std::vector<Factor> all{
      {"input", [](const Vars& x) { return x[0]; }},
      {"computed", [](const Vars& x) { return sin(x[0]); }},
      {"constant",
       [](const Vars& x) {
         return constant(2.0, x[0].dtype(), {4, 3});
       }},
      {"repeated row",
       [](const Vars& x) {
         return broadcast_to(x[1], {4, 3}, {1});
       }},
      {"repeated column",
       [](const Vars& x) {
         return broadcast_to(x[2], {4, 3}, {0});
       }},
      {"one number",
       [](const Vars& x) {
         return broadcast_to(sum(x[2]), {4, 3}, {});
       }},
      {"outer",
       [](const Vars& x) {
         return reshape(x[2], {4, 1}) * reshape(x[1], {1, 3});
       }},
      {"picked",
       [](const Vars& x) {
         return gather(x[0], constant({3, 1, 1, 0}, Dtype::I32));
       }},
      {"of samples", [](const Vars& x) { return matmul(x[5], x[4]); }},
  };
  return all;
}

const std::vector<Factor>& vectors() {  // [3]
  static const std::vector<Factor> all{
      {"input", [](const Vars& x) { return x[1]; }},
      {"computed", [](const Vars& x) { return sin(x[1]); }},
      {"row", [](const Vars& x) { return x[0].at(1); }},
      {"constant", [](const Vars& x) { return constant(2.0, x[0].dtype(), {3}); }},
      {"one number", [](const Vars& x) { return broadcast_to(sum(x[2]), {3}, {}); }},
      {"of samples", [](const Vars& x) { return sum(x[3], {1}); }},
  };
  return all;
}

const std::vector<Factor>& samples() {  // [3, B]
  static const std::vector<Factor> all{
      {"input", [](const Vars& x) { return x[3]; }},
      {"computed", [](const Vars& x) { return sin(x[3]); }},
      {"transposed", [](const Vars& x) { return transpose(x[4]); }},
      {"constant",
       [](const Vars& x) {
         return constant(2.0, x[0].dtype(), {3, kB});
       }},
      {"repeated",
       [](const Vars& x) {
         return broadcast_to(x[1], {3, kB}, {0});
       }},
      {"one a sample",
       [](const Vars& x) {
         return broadcast_to(x[3].at(0), {3, kB}, {1});
       }},
  };
  return all;
}

Var weighed(const Var& y, double by) { return by * sum(sin(y) + y * y); }

SolveOptions tight(const char* adjoint) {
  SolveOptions options;
  options.adjoint = adjoint;
  options.rtol = options.atol = 1e-9;
  return options;
}

}  // namespace

TEST_CASE("a vector stands on either side of a matrix, and of a vector" *
          doctest::test_suite("slow")) {
  for (const Factor& m : matrices()) {
    for (const Factor& v : vectors()) {
      expect_loss(fmt::format("{} by {}", m.first, v.first), "B", factors(), [&](const Vars& x) {
        const Var a = m.second(x), b = v.second(x), c = matmul(a, b);
        return weighed(c, 1) + weighed(matmul(b, transpose(a)) + x[2], 0.5) +
               weighed(matmul(a, c, {true, false}), 0.1) + matmul(b, x[1]) +
               weighed(matmul(a, reshape(b, {3, 1})), 0.3);
      });
    }
  }
}

TEST_CASE("matrices and vectors meet samples" * doctest::test_suite("slow")) {
  for (const Factor& m : matrices()) {
    for (const Factor& s : samples()) {
      expect_loss(
          fmt::format("{} by {}", m.first, s.first), "B", factors(),
          [&](const Vars& x) {
            const Var a = m.second(x), b = s.second(x);
            return weighed(matmul(a, b), 1) + weighed(matmul(transpose(b), transpose(a)), 0.5) +
                   weighed(matmul(b, x[1], {true, false}), 0.2) + weighed(matmul(x[1], b), 0.1) +
                   weighed(matmul(b, sum(x[5], {0})), 0.3) +
                   weighed(matmul(x[5], b, {false, true}) + a, 0.01);
          },
          1e-11);
    }
  }
}

TEST_CASE("a solve multiplies a matrix and a vector") {
  for (std::size_t i = 0; i < matrices().size(); i += 2) {
    const Factor &m = matrices()[i], &v = vectors()[i % vectors().size()];
    const SolveOptions options = tight(i % 4 == 0 ? "interpolating" : "discrete");
    const auto loss = [&](const Vars& x) {
      const auto dynamics = [&](const Var& u) {
        const Var c = matmul(m.second(x), v.second(x));
        return 0.3 * tanh(c + 0.1 * u) + 0.01 * matmul(x[0], matmul(x[0], u, {true, false}));
      };
      return weighed(solve(dynamics, x[2], 0, 1, options).u, 1);
    };
    expect_loss(fmt::format("{} by {}", m.first, v.first), "B", factors(), loss, 1e-6);
  }
}

TEST_CASE("sides of a product that do not fit are refused in the sizes as written") {
  const auto refusal = [](const Shape& a, const Shape& b, Transposed transposed) -> std::string {
    try {
      trace("p", {{"a", Type::tensor(Dtype::F32, a)}, {"b", Type::tensor(Dtype::F32, b)}},
            [&](const Var& x, const Var& y) { return matmul(x, y, transposed); });
    } catch (const Error& error) {
      return error.message();
    }
    return "none";
  };
  CHECK(
      refusal({4, 3}, {4}, {}) ==
      "'matmul' wants as many columns on the left as rows on the right, got 'a' f32[4, 3] and 'b' "
      "f32[4] (3 and 4)");
  CHECK(refusal({4, 3}, {4}, {true, false}) == "none");
  CHECK(refusal({4}, {5}, {}) ==
        "'matmul' wants as many columns on the left as rows on the right, got 'a' f32[4] and 'b' "
        "f32[5] (4 and 5)");
  CHECK(refusal({4}, {}, {}) ==
        "'matmul' multiplies matrices and vectors, got 'a' f32[4] and 'b' f32[]");
  CHECK(refusal({2, 4, 3}, {4}, {}) ==
        "'matmul' wants as many columns on the left as rows on the right, got 'a' f32[2, 4, 3] and "
        "'b' f32[4] (3 and 4)");
}

TEST_CASE("stacks of matrices are multiplied one by one, and one side may be a matrix for all") {
  const Dim n = Dim::symbol("N");
  struct Case {
    const char* name;
    Type a, b;
    Transposed transposed;
    std::string_view letters;
  };
  for (const Case& c :
       {Case{"stacks", f64({3, 4, 5}), f64({3, 5, n}), {}, "aik,akm->aim"},
        Case{"turned", f64({3, 5, 4}), f64({3, 6, 5}), {true, true}, "aki,amk->aim"},
        Case{"one left", f64({4, 5}), f64({2, 3, 5, n}), {}, "ik,abkm->abim"},
        Case{"one right", f64({3, 4, 5}), f64({2, 5}), {false, true}, "aik,mk->aim"}}) {
    INFO(c.name);
    const auto program = [&](auto&& product) {
      const std::string batch = c.b.mentions("N") ? "N" : "";
      return trace(
          c.name, {{"a", c.a}, {"b", c.b}},
          [&](const Var& a, const Var& b) {
            return value_and_grad(
                [&](const Var& x, const Var& y) { return sum(sin(product(x, y))); }, a, b);
          },
          batch);
    };
    const Traced stacks =
        program([&](const Var& x, const Var& y) { return matmul(x, y, c.transposed); });
    const Traced letters =
        program([&](const Var& x, const Var& y) { return einsum(c.letters, x, y); });
    CHECK(print(*stacks.graph) == print(*letters.graph));
    oracle::expect_agreement(*stacks.graph, 1e-12, {1, 37});
  }
  CHECK_THROWS_WITH(
      trace("f", {{"a", f64({3, 4, 5})}, {"b", f64({2, 5, 6})}},
            [](const Var& a, const Var& b) { return matmul(a, b); }),
      doctest::Contains("'matmul' multiplies stacks of matrices, got 'a' f64[3, 4, 5] "
                        "and 'b' f64[2, 5, 6]"));
}

}  // namespace nodec::oracle
