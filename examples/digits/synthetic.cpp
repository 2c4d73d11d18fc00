// Synthetic digits. A glyph is a list of strokes; a stroke is a polyline in the unit square (y
// down). One digit is drawn so:
//   1. each point of a stroke is sampled densely along the line;
//   2. a smooth random displacement field moves it (elastic distortion, Simard et al. 2003, here a
//      sum of three low-frequency waves instead of a blurred noise image);
//   3. a random affine map turns, slants, stretches and shifts it into the 28x28 frame;
//   4. ink is laid along the moved line with a round pen of random width: coverage falls linearly
//      from 1 to 0 over one pixel around the pen's edge, overlapping ink takes the maximum.
#include "examples/digits/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "compiler/nodec.h"

namespace nodec::digits {
namespace {

constexpr double kPi = std::numbers::pi;

struct Point {
  double x = 0, y = 0;
};
using Stroke = std::vector<Point>;
using Glyph = std::vector<Stroke>;

// One digit's random numbers: the words of the shared generator under its own key.
class Random {
 public:
  explicit Random(std::uint64_t key) : key_(key) {}
  double uniform(double low, double high) {
    return low + (high - low) * philox::uniform_f32(next());
  }
  // Sum of three uniforms: bell-shaped, of the given spread, and never far out.
  double around(double center, double spread) {
    const double sum = uniform(-1, 1) + uniform(-1, 1) + uniform(-1, 1);
    return center + spread * sum;
  }
  std::uint32_t below(std::size_t end) { return philox::below(next(), std::uint32_t(end)); }

 private:
  std::uint32_t next() {
    if (drawn_ % 4 == 0) words_ = philox::draw(key_, drawn_ / 4);
    return words_[drawn_++ % 4];
  }

  std::uint64_t key_;
  std::uint64_t drawn_ = 0;
  philox::Words words_{};
};

// An elliptic arc from angle `from` to `to` in quarter turns: 0 is right, 1 is down.
Stroke arc(Point center, double rx, double ry, double from, double to) {
  const int steps = std::max(4, int(std::lround(5 * std::abs(to - from))));
  Stroke points;
  for (int i = 0; i <= steps; ++i) {
    const double angle = (from + (to - from) * i / steps) * kPi / 2;
    points.push_back({center.x + rx * std::cos(angle), center.y + ry * std::sin(angle)});
  }
  return points;
}

Stroke join(Stroke first, const Stroke& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// The ways to write each digit; one is picked at random.
using Alphabet = std::array<std::vector<Glyph>, kClasses>;

Alphabet make_alphabet() {
  const Glyph zero = {arc({0.5, 0.5}, 0.30, 0.46, -1, 3)};
  const Glyph one = {{{0.5, 0.04}, {0.5, 0.96}}};
  const Glyph one_with_flag = {{{0.34, 0.24}, {0.54, 0.04}, {0.54, 0.96}}};
  const Glyph two = {join(arc({0.48, 0.30}, 0.28, 0.26, -1.9, 0.6), {{0.20, 0.94}, {0.82, 0.94}})};
  const Glyph three = {
      join(arc({0.46, 0.27}, 0.27, 0.23, -1.8, 1.1), arc({0.46, 0.72}, 0.31, 0.24, -1.1, 1.9))};
  const Glyph four = {{{0.38, 0.06}, {0.20, 0.56}, {0.82, 0.56}}, {{0.68, 0.08}, {0.64, 0.96}}};
  const Glyph four_closed = {{{0.62, 0.96}, {0.64, 0.04}, {0.16, 0.66}, {0.86, 0.66}}};
  const Glyph five = {
      join({{0.76, 0.06}, {0.32, 0.06}, {0.27, 0.45}}, arc({0.46, 0.67}, 0.30, 0.28, -1.5, 1.8))};
  const Glyph six = {join({{0.64, 0.04}, {0.36, 0.34}}, arc({0.49, 0.70}, 0.26, 0.26, 2.2, 6.2))};
  const Glyph seven = {{{0.20, 0.08}, {0.80, 0.08}, {0.42, 0.96}}};
  const Glyph seven_barred = {{{0.20, 0.08}, {0.80, 0.08}, {0.42, 0.96}},
                              {{0.36, 0.52}, {0.72, 0.52}}};
  const Glyph eight = {
      join(arc({0.5, 0.28}, 0.23, 0.23, 1, -3), arc({0.5, 0.73}, 0.28, 0.23, -1, 3))};
  const Glyph nine = {join(arc({0.50, 0.30}, 0.25, 0.25, 0, 4), {{0.75, 0.30}, {0.66, 0.96}})};
  return {{{zero},
           {one, one, one_with_flag},
           {two},
           {three},
           {four, four_closed},
           {five},
           {six},
           {seven, seven, seven_barred},
           {eight},
           {nine}}};
}

// Steps 2 and 3: where a point of the unit square lands in the frame.
class Warp {
 public:
  explicit Warp(Random& random) {
    for (Wave& wave : waves_) {
      wave = {random.around(0, 0.9), random.around(0, 0.9), random.uniform(0, 2 * kPi),
              random.around(0, 0.028), random.around(0, 0.028)};
    }
    const double turn = random.around(0, 0.11), slant = random.around(0.12, 0.17);
    const double width = random.around(17.5, 1.8), height = random.around(19.5, 1.1);
    a_ = width * std::cos(turn), b_ = -height * (std::sin(turn) + slant * std::cos(turn));
    c_ = width * std::sin(turn), d_ = height * (std::cos(turn) - slant * std::sin(turn));
    shift_ = {random.around(13.5, 0.6), random.around(13.5, 0.6)};
  }

  Point operator()(Point p) const {
    double x = p.x - 0.5, y = p.y - 0.5;
    for (const Wave& wave : waves_) {
      const double s = std::sin(2 * kPi * (wave.kx * p.x + wave.ky * p.y) + wave.phase);
      x += wave.dx * s, y += wave.dy * s;
    }
    return {a_ * x + b_ * y + shift_.x, c_ * x + d_ * y + shift_.y};
  }

 private:
  struct Wave {
    double kx, ky, phase, dx, dy;
  };
  std::array<Wave, 3> waves_{};
  double a_ = 0, b_ = 0, c_ = 0, d_ = 0;
  Point shift_;
};

// Step 4 for one segment, over the pixels its pen can touch.
void ink(std::uint8_t* image, Point from, Point to, double radius) {
  const double reach = radius + 0.5, dx = to.x - from.x, dy = to.y - from.y;
  const double length2 = std::max(dx * dx + dy * dy, 1e-12);
  const auto low = [&](double v) { return std::max(0, int(std::ceil(v - reach))); };
  const auto high = [&](double v) { return std::min(int(kSide) - 1, int(std::floor(v + reach))); };
  for (int y = low(std::min(from.y, to.y)); y <= high(std::max(from.y, to.y)); ++y) {
    for (int x = low(std::min(from.x, to.x)); x <= high(std::max(from.x, to.x)); ++x) {
      const double along = ((x - from.x) * dx + (y - from.y) * dy) / length2;
      const double s = std::clamp(along, 0.0, 1.0);
      const double ex = x - from.x - s * dx, ey = y - from.y - s * dy;
      const double distance2 = ex * ex + ey * ey;
      if (distance2 >= reach * reach) continue;
      const double cover = std::min(1.0, reach - std::sqrt(distance2));
      std::uint8_t& pixel = image[y * kSide + x];
      pixel = std::max(pixel, std::uint8_t(std::lround(255 * cover)));
    }
  }
}

void draw(std::uint8_t* image, const Glyph& glyph, Random& random) {
  const Warp warp(random);
  const double radius = random.around(1.05, 0.22);
  for (const Stroke& stroke : glyph) {
    for (std::size_t i = 1; i < stroke.size(); ++i) {
      const Point a = stroke[i - 1], b = stroke[i];
      const int pieces = 1 + int(std::hypot(b.x - a.x, b.y - a.y) / 0.15);
      Point from = warp(a);
      for (int k = 1; k <= pieces; ++k) {
        const double s = double(k) / pieces;
        const Point to = warp({a.x + s * (b.x - a.x), a.y + s * (b.y - a.y)});
        ink(image, from, to, radius);
        from = to;
      }
    }
  }
}

}  // namespace

Digits synthetic_digits(std::int64_t count, std::uint64_t seed) {
  const Alphabet alphabet = make_alphabet();
  Digits digits;
  digits.pixels.resize(std::size_t(count * kPixels));
  digits.labels.resize(std::size_t(count));
  for (std::int64_t i = 0; i < count; ++i) {
    Random random(philox::fold_in(seed, std::uint64_t(i)));
    const auto label = std::uint8_t(random.below(kClasses));
    const auto& ways = alphabet[label];
    digits.labels[std::size_t(i)] = label;
    draw(digits.pixels.data() + i * kPixels, ways[random.below(ways.size())], random);
  }
  return digits;
}

}  // namespace nodec::digits
