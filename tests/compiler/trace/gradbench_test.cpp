// GradBench's objectives against the same formulas in plain C++, and their gradients against those
// formulas at x + ih: to 1e-10 of the largest part, as machine code.
#include <doctest/doctest.h>

#include <complex>
#include <functional>
#include <numeric>

#include "compiler/nodec.h"
#include "tests/compiler/oracle.h"
#include "tools/gradbench_objectives.h"

namespace nodec::gradbench_tests {
namespace {

using Number = std::complex<double>;
using Numbers = std::vector<Number>;
using Plain = std::function<Number(const std::vector<Numbers>&)>;

std::vector<Tensor> compiled(const Traced& traced, const std::vector<Array>& x) {
  return oracle::run_compiled(oracle::compile_fresh(*traced.graph), x);
}

void expect_near(double got, double want, double scale) {
  CHECK(std::abs(got - want) <= 1e-10 * (1 + scale));
}

// `out` is the value and the gradients in the first inputs.
void expect_slopes(const std::vector<Tensor>& out, const std::vector<Array>& x,
                   const Plain& plain) {
  std::vector<Numbers> at;
  for (const Array& a : x) at.emplace_back(a.reals.begin(), a.reals.end());
  expect_near(out[0].values<double>()[0], plain(at).real(), std::abs(plain(at).real()));
  for (std::size_t k = 0; k + 1 < out.size(); ++k) {
    double scale = 0;
    for (const double slope : out[k + 1].values<double>()) scale = std::max(scale, std::abs(slope));
    CHECK(scale > 1e-3);
    for (std::size_t i = 0; i < at[k].size(); ++i) {
      const Number middle = at[k][i];
      at[k][i] += Number(0, 1e-30);
      expect_near(out[k + 1].values<double>()[i], plain(at).imag() / 1e-30, scale);
      at[k][i] = middle;
    }
  }
}

Number square(const Number& x) { return x * x; }  // std::pow would lose ih

Number log_sum_exp(const Numbers& x) {
  Number sum = 0;
  for (const Number& v : x) sum += std::exp(v);
  return std::log(sum);
}

constexpr int kParts = 4, kDims = 3, kBelow = 3, kPoints = 37;

// Alpha, mu, q, l and the points, as plain numbers.
struct Mixture {
  const Numbers &alpha, &mu, &q, &l, &points;

  Number factor(int k, int i, int j) const {
    if (i == j) return std::exp(q[std::size_t(k * kDims + i)]);
    const int place = j == 0 ? i - 1 : 2;  // of three rows: (1, 0), (2, 0), (2, 1)
    return i > j ? l[std::size_t(k * kBelow + place)] : 0;
  }
  Number trace(int k) const {
    const auto first = q.begin() + k * kDims;
    return std::accumulate(first, first + kDims, Number());
  }
  Number distance(int k, int n) const {
    Number squares = 0;
    for (int i = 0; i < kDims; ++i) {
      Number y = 0;
      for (int j = 0; j < kDims; ++j) {
        const auto point = std::size_t(j * kPoints + n), centre = std::size_t(k * kDims + j);
        y += factor(k, i, j) * (points[point] - mu[centre]);
      }
      squares += square(y);
    }
    return squares;
  }
  Number penalty(int k, const gradbench::Wishart& prior) const {
    Number squares = 0;
    for (int i = 0; i < kDims; ++i) squares += square(factor(k, i, i));
    for (int i = 0; i < kBelow; ++i) squares += square(l[std::size_t(k * kBelow + i)]);
    return 0.5 * prior.gamma * prior.gamma * squares - double(prior.m) * trace(k);
  }
};

Number plain_mixture(const std::vector<Numbers>& x, const gradbench::Wishart& prior) {
  const Mixture m{x[0], x[1], x[2], x[3], x[4]};
  Number total = kParts * gradbench::wishart_constant(kDims, prior);
  for (int n = 0; n < kPoints; ++n) {
    Numbers terms;
    for (int k = 0; k < kParts; ++k) {
      terms.push_back(m.alpha[std::size_t(k)] + m.trace(k) - 0.5 * m.distance(k, n));
    }
    total += log_sum_exp(terms);
  }
  for (int k = 0; k < kParts; ++k) total -= m.penalty(k, prior);
  const double normal = kDims * 0.5 * std::log(2 * std::numbers::pi);
  return total - double(kPoints) * (normal + log_sum_exp(m.alpha));
}

constexpr int kCameras = 4, kPlaces = 6, kViews = 23;

// The weighted error of view i in row r.
Number plain_reprojection(const Number* cam, const Number* x, Number w, double feature, int r) {
  Number from[3], square = 0, along = 0;
  for (int i = 0; i < 3; ++i) {
    from[i] = x[i] - cam[3 + i];
    square += cam[i] * cam[i];
    along += cam[i] * from[i];
  }
  const Number angle = std::sqrt(square), c = std::cos(angle), s = std::sin(angle);
  Number seen[3];
  for (int i = 0; i < 3; ++i) {
    const int j = (i + 1) % 3, k = (i + 2) % 3;
    const Number cross = cam[j] * from[k] - cam[k] * from[j];
    seen[i] = from[i] * c + cross / angle * s + cam[i] * along / square * (1.0 - c);
  }
  const Number p[2] = {seen[0] / seen[2], seen[1] / seen[2]}, radius = p[0] * p[0] + p[1] * p[1];
  const Number bent = 1.0 + cam[9] * radius + cam[10] * radius * radius;
  return w * (p[r] * bent * cam[6] + cam[7 + r] - feature);
}

struct Clusters {
  double cost = 0;
  std::vector<double> steps;
};

// Of five centres and 40 points in three dimensions.
Clusters plain_clusters(const Array& centres, const Array& points) {
  double sums[5][3] = {}, counts[5] = {};
  Clusters found;
  for (std::size_t n = 0; n < 40; ++n) {
    const auto distance = [&](std::size_t k) {
      double sum = 0;
      for (std::size_t i = 0; i < 3; ++i) {
        sum += std::pow(points.reals[40 * i + n] - centres.reals[3 * k + i], 2);
      }
      return sum;
    };
    std::size_t nearest = 0;
    for (std::size_t k = 1; k < 5; ++k) nearest = distance(k) < distance(nearest) ? k : nearest;
    found.cost += distance(nearest);
    counts[nearest] += 1;
    for (std::size_t i = 0; i < 3; ++i) sums[nearest][i] += points.reals[40 * i + n];
  }
  for (std::size_t i = 0; i < 15; ++i) {
    REQUIRE(counts[i / 3] > 0);
    found.steps.push_back(centres.reals[i] - sums[i / 3][i % 3] / counts[i / 3]);
  }
  return found;
}

// Numbers between -1 and 1, moved and stretched.
Array drawn(std::vector<std::int64_t> dims, std::uint64_t seed, double middle, double reach) {
  Array a = Array::zeros(Dtype::F64, std::move(dims));
  for (std::int64_t i = 0; i < a.count(); ++i) {
    const philox::Words words = philox::draw(seed, std::uint64_t(i));
    a.set(i, middle + reach * (2 * philox::uniform_f64(words[0], words[1]) - 1));
  }
  return a;
}

Array picks(std::int64_t count, std::int64_t of) {
  Array a = Array::zeros(Dtype::I32, {count});
  for (std::int64_t i = 0; i < count; ++i) a.set_integer(i, i * 5 % of);
  return a;
}

}  // namespace

TEST_CASE("the gradient of a Gaussian mixture's likelihood, its points samples or not") {
  const gradbench::Wishart prior{1.3, 2};
  const std::vector<Array> x{drawn({kParts}, 1, 0, 1), drawn({kParts, kDims}, 2, 0.5, 0.5),
                             drawn({kParts, kDims}, 3, 0, 1), drawn({kParts, kBelow}, 4, 0, 1),
                             drawn({kDims, kPoints}, 5, 0, 2)};
  for (const char* batch : {"N", ""}) {
    const bool samples = *batch != 0;
    const Traced traced = trace(
        "gmm",
        {{"alpha", f64({kParts})},
         {"mu", f64({kParts, kDims})},
         {"q", f64({kParts, kDims})},
         {"l", f64({kParts, kBelow})},
         {"points", samples ? f64({kDims, "N"}) : f64({kDims, kPoints})}},
        [&](const Var& alpha, const Var& mu, const Var& q, const Var& l, const Var& points) {
          const auto f = [&](const Var& alpha, const Var& mu, const Var& q, const Var& l) {
            return gradbench::mixture(alpha, mu, q, l, points, prior);
          };
          return value_and_grad(f, alpha, mu, q, l);
        },
        batch);
    expect_slopes(compiled(traced, x), x,
                  [&](const std::vector<Numbers>& at) { return plain_mixture(at, prior); });
  }
}

TEST_CASE("the gradient of bundle adjustment by the cameras and points that views share") {
  Array cameras = drawn({kCameras, 11}, 6, 0.1, 0.4), places = drawn({kPlaces, 3}, 7, 0, 1);
  for (int i = 0; i < kPlaces; ++i) places.reals[std::size_t(3 * i + 2)] += 6;
  const std::vector<Array> x{cameras,
                             places,
                             drawn({kViews}, 8, 0.5, 0.5),
                             drawn({2, kViews}, 9, 0, 1),
                             picks(kViews, kCameras),
                             picks(kViews, kPlaces)};
  const Traced traced = trace(
      "ba",
      {{"cameras", f64({kCameras, 11})},
       {"places", f64({kPlaces, 3})},
       {"weights", f64({"N"})},
       {"features", f64({2, "N"})},
       {"camera", i32({"N"})},
       {"place", i32({"N"})}},
      [](const Var& cameras, const Var& places, const Var& weights, const Var& features,
         const Var& camera, const Var& place) {
        const auto f = [&](const Var& cameras, const Var& places, const Var& weights) {
          const Var seen = transpose(gather(cameras, camera));
          const Var at = transpose(gather(places, place));
          const Var off = gradbench::reprojection(seen, at, weights, features);
          const Var spare = 1.0 - weights * weights;
          return sum(off * off) + sum(spare * spare);
        };
        return value_and_grad(f, cameras, places, weights);
      },
      "N");
  expect_slopes(compiled(traced, x), x, [&](const std::vector<Numbers>& at) {
    Number sum = 0;
    for (std::size_t i = 0; i < kViews; ++i) {
      const Number* camera = &at[0][std::size_t(11 * x[4].integer(std::int64_t(i)))];
      const Number* place = &at[1][std::size_t(3 * x[5].integer(std::int64_t(i)))];
      for (int r = 0; r < 2; ++r) {
        const double feature = x[3].reals[std::size_t(r) * kViews + i];
        sum += square(plain_reprojection(camera, place, at[2][i], feature, r));
      }
      sum += square(1.0 - at[2][i] * at[2][i]);
    }
    return sum;
  });
}

TEST_CASE("a camera that is not turned has the derivative of a small turn") {
  const Traced traced = trace("still", {{"camera", f64({11, 1})}}, [](const Var& camera) {
    const Var point = constant({0.3, -0.2, 4.0}, Dtype::F64, {3, 1});
    return jacobian(
        [&](const Var& at) {
          return gradbench::reprojection(at, point, ones_like(at.at(0)), zeros(f64({2, 1})));
        },
        camera);
  });
  Array camera = Array::zeros(Dtype::F64, {11, 1});
  camera.reals[6] = 1;
  const auto slopes = compiled(traced, {camera});
  // P = (x + z b - y c, y + x c - z a) / (z + y a - x b) at the turn (a, b, c).
  const double x = 0.3 / 4, y = -0.2 / 4;
  const double want[2][3] = {{-x * y, 1 + x * x, -y}, {-1 - y * y, x * y, x}};
  for (std::size_t r = 0; r < 2; ++r) {
    for (std::size_t i = 0; i < 3; ++i) {
      expect_near(slopes[0].values<double>()[11 * r + i], want[r][i], 1);
    }
  }
}

TEST_CASE("clusters step to the means of their points, by a gradient and a diagonal Hessian") {
  const std::vector<Array> x{drawn({5, 3}, 10, 0, 1), drawn({3, 40}, 11, 0, 1)};
  for (const char* batch : {"N", ""}) {
    const bool samples = *batch != 0;
    const Traced traced = trace(
        "kmeans", {{"centres", f64({5, 3})}, {"points", samples ? f64({3, "N"}) : f64({3, 40})}},
        [](const Var& centres, const Var& points) {
          const auto f = [&](const Var& at) { return gradbench::spread(at, points); };
          const auto [cost, slope, curvature] = hvp(f, centres, ones_like(centres));
          return std::tuple{cost, slope / curvature};
        },
        batch);
    const auto out = compiled(traced, x);
    const Clusters want = plain_clusters(x[0], x[1]);
    expect_near(out[0].values<double>()[0], want.cost, want.cost);
    for (std::size_t i = 0; i < 15; ++i) {
      expect_near(out[1].values<double>()[i], want.steps[i], 1);
    }
  }
}

TEST_CASE("the gradient of a log of sums of exponentials is a softmax, of samples or not") {
  const std::vector<Array> x{drawn({70}, 12, 700, 3)};
  for (const char* batch : {"N", ""}) {
    const Traced traced = trace(
        "lse", {{"x", f64({"N"})}},
        [](const Var& x) {
          const auto f = [](const Var& at) {
            const Var greatest = max_over(at);
            return log(sum(exp(at - greatest))) + greatest;
          };
          return value_and_grad(f, x);
        },
        batch);
    const auto out = compiled(traced, x);
    double sum = 0;
    for (const double v : x[0].reals) sum += std::exp(v - 700);
    expect_near(out[0].values<double>()[0], 700 + std::log(sum), 0);
    for (std::size_t i = 0; i < 70; ++i) {
      expect_near(out[1].values<double>()[i], std::exp(x[0].reals[i] - 700) / sum, 0);
    }
  }
}

TEST_CASE("the Jacobian of a hand's misses, forward, is that of small moves of its pose") {
  constexpr int kBones = 22, kVertices = 12, kHits = 9;
  std::vector<int> parents;
  for (int i = 0; i < kBones; ++i) parents.push_back(i == 0 ? -1 : i % 4 == 1 ? 0 : i - 1);
  std::vector<Array> x{drawn({26}, 13, 0.1, 0.5),
                       drawn({2, kHits}, 14, 0.3, 0.2),
                       Array::zeros(Dtype::I32, {3, kHits}),
                       drawn({3, kHits}, 15, 0, 1),
                       drawn({kBones, 4, 4}, 16, 0, 0.6),
                       drawn({kBones, 4, 4}, 17, 0, 0.6),
                       drawn({kVertices, 4}, 18, 0, 1),
                       drawn({kVertices, kBones}, 19, 0, 0.5)};
  for (std::int64_t i = 0; i < 3 * kHits; ++i) x[2].set_integer(i, i * 7 % kVertices);
  const auto misses = [&](const std::vector<Var>& v) {
    const gradbench::Hand hand{parents, v[4], v[5], v[6], v[7]};
    return gradbench::misses(v[0], v[1], hand, v[2], v[3]);
  };
  std::vector<Input> inputs;
  for (const Array& a : x) inputs.push_back({fmt::format("x{}", inputs.size()), a.type()});
  const Traced traced = trace("ht", inputs, [&](std::vector<Var>& v) -> Outputs {
    const auto at = [&](const Var& pose) {
      std::vector<Var> moved = v;
      moved[0] = pose;
      return misses(moved);
    };
    return {{"misses", at(v[0])}, {"jacobian", jacobian(at, v[0])}};
  });
  const Program program = oracle::compile_fresh(*traced.graph);
  const auto out = oracle::run_compiled(program, x);
  REQUIRE(out[1].dims() == std::vector<std::int64_t>{3, kHits, 26});
  for (std::size_t i = 0; i < 26; ++i) {
    std::vector<Array> up = x, down = x;
    up[0].reals[i] += 1e-5, down[0].reals[i] -= 1e-5;
    const auto above = oracle::run_compiled(program, up),
               below = oracle::run_compiled(program, down);
    for (std::size_t r = 0; r < 3 * kHits; ++r) {
      const double slope = (above[0].values<double>()[r] - below[0].values<double>()[r]) / 2e-5;
      CHECK(out[1].values<double>()[26 * r + i] == doctest::Approx(slope).epsilon(1e-6));
    }
  }
}

}  // namespace nodec::gradbench_tests
