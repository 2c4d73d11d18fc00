// The two-loop recursion, and the line search.
#include "compiler/train/minimise.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <numeric>

namespace nodec::nn {
namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double largest(const Vector& x) {
  double most = 0;
  for (const double v : x) most = std::max(most, std::abs(v));
  return most;
}

// A point of the search, with what the program says there.
struct Point {
  double step = 0;  // along the line
  Vector x, gradient;
  double value = 0, slope = 0;
};

// The program as a function of one vector.
class Function {
 public:
  Function(std::shared_ptr<const Executable> program, NamedArrays& arrays,
           const MinimiseOptions& options)
      : bound_(std::move(program), arrays), arrays_(arrays), options_(options) {
    const std::string prefix = options.gradient + ".";
    for (const Port& port : bound_.signature().outputs) {
      if (port.name.starts_with(prefix)) names_.push_back(port.name.substr(prefix.size()));
    }
    if (names_.empty()) {
      throw Error(fmt::format("'{}' has no outputs '{}.<input>' to be minimised by",
                              bound_.signature().name, options.gradient),
                  {}, "output the gradient as a record: t.output(\"gradient\", grads)");
    }
  }

  Vector start() const {
    Vector x;
    for (const std::string& name : names_) append(arrays_[name], x);
    return x;
  }
  void put(const Vector& x) {
    auto from = x.begin();
    for (const std::string& name : names_) {
      Tensor& array = arrays_[name];
      const auto end = from + array.count();
      if (array.dtype() == Dtype::F32) {
        std::transform(from, end, array.values<float>().begin(), [](double v) { return float(v); });
      } else {
        std::copy(from, end, array.values<double>().begin());
      }
      from = end;
    }
  }
  // Infinite where the program stops.
  void evaluate(Point& p, const Vector* direction) {
    put(p.x);
    ++evaluations;
    last_ = bound_.call(options_.call);
    p.gradient.clear();
    for (const std::string& name : names_)
      append(arrays_[options_.gradient + "." + name], p.gradient);
    Vector value;
    append(arrays_[options_.value], value);
    p.value = last_.status == 0 && std::isfinite(value[0]) && std::isfinite(largest(p.gradient))
                  ? value[0]
                  : std::numeric_limits<double>::infinity();
    p.slope = direction != nullptr ? dot(p.gradient, *direction) : 0;
  }
  void require_finite(const Point& p) const {
    require_success(last_, bound_.signature());
    if (std::isfinite(p.value)) return;
    throw Error(fmt::format("'{}' is not finite where the search begins", options_.value), {},
                "begin elsewhere");
  }

  std::int64_t evaluations = 0;

 private:
  static void append(const Tensor& array, Vector& to) {
    if (array.dtype() == Dtype::F32) {
      to.insert(to.end(), array.values<float>().begin(), array.values<float>().end());
    } else {
      to.insert(to.end(), array.values<double>().begin(), array.values<double>().end());
    }
  }

  BoundProgram bound_;
  NamedArrays& arrays_;
  const MinimiseOptions& options_;
  std::vector<std::string> names_;
  Outcome last_;
};

// The direction of the quadratic model that the last steps and gradients make.
class Memory {
 public:
  explicit Memory(std::size_t most) : most_(std::max<std::size_t>(most, 1)) {}
  void learn(const Point& from, const Point& to) {
    Pair pair{to.x, to.gradient, 0};
    for (std::size_t i = 0; i < pair.s.size(); ++i) {
      pair.s[i] -= from.x[i];
      pair.y[i] -= from.gradient[i];
    }
    const double curvature = dot(pair.s, pair.y);
    if (!(curvature > 1e-14 * dot(pair.y, pair.y))) return;
    pair.rho = 1 / curvature;
    pairs_.push_back(std::move(pair));
    if (pairs_.size() > most_) pairs_.pop_front();
  }
  Vector direction(const Vector& gradient) const {
    Vector q = gradient, alphas(pairs_.size());
    for (std::size_t k = pairs_.size(); k-- > 0;) {
      alphas[k] = pairs_[k].rho * dot(pairs_[k].s, q);
      for (std::size_t i = 0; i < q.size(); ++i) q[i] -= alphas[k] * pairs_[k].y[i];
    }
    const double scale = pairs_.empty()
                             ? 1 / std::max(1.0, std::sqrt(dot(gradient, gradient)))
                             : 1 / (pairs_.back().rho * dot(pairs_.back().y, pairs_.back().y));
    for (double& v : q) v *= scale;
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      const double beta = pairs_[k].rho * dot(pairs_[k].y, q);
      for (std::size_t i = 0; i < q.size(); ++i) q[i] += pairs_[k].s[i] * (alphas[k] - beta);
    }
    for (double& v : q) v = -v;
    return q;
  }
  void forget() { pairs_.clear(); }
  bool empty() const { return pairs_.empty(); }

 private:
  struct Pair {
    Vector s, y;
    double rho;
  };
  std::size_t most_;
  std::deque<Pair> pairs_;
};

class LineSearch {
 public:
  LineSearch(Function& f, const Point& from, const Vector& direction)
      : f_(f), from_(from), direction_(direction) {}

  // A point of sufficient decrease and small slope; or the lowest met, which may be `from`.
  Point find() {
    Point before = from_;
    before.step = 0;
    double step = 1;
    for (int i = 0; i < kMost; ++i) {
      Point next = at(step);
      if (too_high(next) || (i > 0 && next.value >= before.value)) return zoom(before, next);
      if (flat(next)) return next;
      if (next.slope >= 0) return zoom(next, before);
      before = std::move(next);
      step *= 2;
    }
    return before;
  }

 private:
  static constexpr int kMost = 25;
  static constexpr double kDecrease = 1e-4, kCurvature = 0.9;

  Point at(double step) {
    Point p;
    p.step = step;
    p.x = from_.x;
    for (std::size_t i = 0; i < p.x.size(); ++i) p.x[i] += step * direction_[i];
    f_.evaluate(p, &direction_);
    return p;
  }
  bool too_high(const Point& p) const {
    return !(p.value <= from_.value + kDecrease * p.step * from_.slope);
  }
  bool flat(const Point& p) const { return std::abs(p.slope) <= -kCurvature * from_.slope; }

  // The minimum of the cubic through both, kept away from the ends.
  static double between(const Point& low, const Point& high) {
    const double width = high.step - low.step;
    double share = 0.5;
    if (std::isfinite(high.value)) {
      const double d1 = low.slope + high.slope - 3 * (high.value - low.value) / width;
      const double root = d1 * d1 - low.slope * high.slope;
      if (root >= 0) {
        const double d2 = std::copysign(std::sqrt(root), width);
        share = 1 - (high.slope + d2 - d1) / (high.slope - low.slope + 2 * d2);
      }
    }
    if (!(share > 0.1)) share = 0.1;
    if (!(share < 0.9)) share = 0.9;
    return low.step + share * width;
  }

  Point zoom(Point low, Point high) {
    for (int i = 0; i < kMost; ++i) {
      Point next = at(between(low, high));
      if (too_high(next) || next.value >= low.value) {
        high = std::move(next);
        continue;
      }
      if (flat(next)) return next;
      if (next.slope * (high.step - low.step) >= 0) high = low;
      low = std::move(next);
    }
    return low;
  }

  Function& f_;
  const Point& from_;
  const Vector& direction_;
};

}  // namespace

Minimum minimise(std::shared_ptr<const Executable> program, NamedArrays& arrays,
                 const MinimiseOptions& options) {
  if (options.iterations < 0) {
    throw Error(fmt::format("minimise makes at most {} iterations", options.iterations), {},
                "set MinimiseOptions::iterations to 0 or more");
  }
  Function f(std::move(program), arrays, options);
  Memory memory(options.memory);
  Point here;
  here.x = f.start();
  f.evaluate(here, nullptr);
  f.require_finite(here);
  Minimum minimum;
  const auto small = [&] { return largest(here.gradient) <= options.gradient_tolerance; };
  while (!small() && minimum.iterations < options.iterations) {
    const Vector direction = memory.direction(here.gradient);
    here.slope = dot(here.gradient, direction);
    Point next = here;
    if (here.slope < 0) next = LineSearch(f, here, direction).find();
    if (!(next.value < here.value)) {
      if (memory.empty()) break;
      memory.forget();  // steepest descent, once more
      continue;
    }
    ++minimum.iterations;
    const double gained = here.value - next.value;
    memory.learn(here, next);
    here = std::move(next);
    if (gained <= options.value_tolerance * std::abs(here.value)) {
      minimum.converged = options.value_tolerance > 0;
      break;
    }
  }
  f.evaluate(here, nullptr);  // the arrays, and the program's other outputs, as they are there
  minimum.value = here.value;
  minimum.gradient = largest(here.gradient);
  minimum.evaluations = f.evaluations;
  minimum.converged = minimum.converged || small();
  return minimum;
}

}  // namespace nodec::nn
