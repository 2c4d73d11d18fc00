// GradBench's objectives without loops, as their authors give them: a Gaussian mixture (gmm),
// bundle adjustment (ba), clusters (kmeans) and a hand's pose (ht). Samples are the last axis.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

#include "compiler/nodec.h"

namespace nodec::gradbench {

inline Var number(double value) { return constant(value, Dtype::F64); }

// The log likelihood of points [d, N] under a mixture of k Gaussians, and a Wishart prior on their
// precisions: each is L^T L, L of exp(q [k, d]) on its diagonal and l [k, d (d - 1) / 2] below it,
// column by column.
struct Wishart {
  double gamma = 1;
  int m = 0;
};

inline Var lower_factors(const Var& q, const Var& l) {
  const Dim k = q.shape()[0];
  const std::int64_t d = q.shape()[1].constant();
  const Var diagonal = transpose(exp(q)), below = transpose(l), none = zeros(f64({k}));
  std::vector<Var> entries;
  for (std::int64_t i = 0; i < d; ++i) {
    for (std::int64_t j = 0; j < d; ++j) {
      const std::int64_t before = j * d - j * (j + 1) / 2;
      entries.push_back(i == j ? diagonal.at(i) : i > j ? below.at(before + i - j - 1) : none);
    }
  }
  return reshape(transpose(stack(entries)), {k, d, d});
}

inline double wishart_constant(int d, const Wishart& prior) {
  const double p = d + prior.m + 1;
  double log_gamma = d * (d - 1) / 4.0 * std::log(std::numbers::pi);
  for (int j = 0; j < d; ++j) log_gamma += std::lgamma((p - j) / 2);
  return p * d * (std::log(prior.gamma) - 0.5 * std::numbers::ln2) - log_gamma;
}

inline Var mixture(const Var& alpha, const Var& mu, const Var& q, const Var& l, const Var& points,
                   const Wishart& prior) {
  const int k = int(q.shape()[0].constant()), d = int(q.shape()[1].constant());
  const Shape each{k, d, points.shape()[1]};
  const Var off = broadcast_to(points, each, {1, 2}) - broadcast_to(mu, each, {0, 1});
  const Var y = matmul(lower_factors(q, l), off), trace = sum(q, {1});
  const Var likelihood = sum(logsumexp(alpha + trace - 0.5 * sum(y * y, {1}), {0}));
  const Var n = cast<double>(size(points, 1));
  const Var normal = n * (d * 0.5 * std::log(2 * std::numbers::pi) + logsumexp(alpha));
  const Var squares = sum(exp(2.0 * q), {1}) + sum(l * l, {1});
  const Var penalty = sum(0.5 * prior.gamma * prior.gamma * squares - double(prior.m) * trace);
  return likelihood - normal + k * wishart_constant(d, prior) - penalty;
}

inline Var cross(const Var& a, const Var& b) {
  const auto part = [&](int i, int j) { return a.at(i) * b.at(j) - a.at(j) * b.at(i); };
  return stack({part(1, 2), part(2, 0), part(0, 1)});
}

// Where cameras [11, N] see points [3, N], less the features [2, N], times their weights [N].
inline Var reprojection(const Var& camera, const Var& point, const Var& weight,
                        const Var& feature) {
  const Var turn = slice(camera, 0, 0, 3), from = point - slice(camera, 0, 3, 3);
  const Var square = sum(turn * turn, {0}), turns = square > 0.0;
  const Var angle = sqrt(select(turns, square, ones_like(square))), axis = turn / angle;
  const Var along = axis * (sum(axis * from, {0}) * (1.0 - cos(angle)));
  const Var turned = from * cos(angle) + cross(axis, from) * sin(angle) + along;
  const Var seen = select(broadcast_to(turns, from.shape(), {1}), turned, from + cross(turn, from));
  const Var plane = slice(seen, 0, 0, 2) / seen.at(2);
  const Var radius = sum(plane * plane, {0});
  const Var bent = 1.0 + camera.at(9) * radius + camera.at(10) * radius * radius;
  return weight * (plane * bent * camera.at(6) + slice(camera, 0, 7, 2) - feature);
}

// The squared distances of points [d, N] from the nearest of centres [k, d], summed.
inline Var spread(const Var& centres, const Var& points) {
  const Shape each{centres.shape()[0], centres.shape()[1], points.shape()[1]};
  const Var off = broadcast_to(points, each, {1, 2}) - broadcast_to(centres, each, {0, 1});
  return sum(-max_over(-sum(off * off, {1}), {0}));
}

// A hand: bones [B, 4, 4] relative to their parents and at rest, vertices [V, 4] that follow them
// by weights [V, B].
struct Hand {
  std::vector<int> parents;  // -1: none
  Var relative, at_rest, vertices, weights;
};

inline Var rotation(const Var& angle, int axis) {
  const Var c = cos(angle), s = sin(angle), o = number(1), z = number(0);
  if (axis == 0) return reshape(stack({o, z, z, z, c, -s, z, s, c}), {3, 3});
  if (axis == 1) return reshape(stack({c, z, s, z, o, z, -s, z, c}), {3, 3});
  return reshape(stack({c, -s, z, s, c, z, z, z, o}), {3, 3});
}

// How bone i bends: four of the pose's numbers for each finger, two of them at its root.
inline Var bend(const Var& pose, int i) {
  const int finger = i < 2 ? 5 : (i - 2) / 4, joint = i < 2 ? 3 : (i - 2) % 4,
            first = 6 + 4 * finger;
  const Var none = number(0);
  const bool root = joint == 0, bends = joint < 3 && finger < 5;
  const Var x = !bends ? none : pose.at(root ? first : first + 1 + joint);
  const Var turn = matmul(rotation(bends && root ? pose.at(first + 1) : none, 2), rotation(x, 0));
  const std::vector<double> corner{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return pad(pad(turn, 0, 0, 1), 1, 0, 1) + constant(corner, Dtype::F64, {4, 4});
}

// The vertices [3, V] in a pose of 26 numbers: a turn, a place, and the fingers.
inline Var posed(const Var& pose, const Hand& hand) {
  const int bones = int(hand.parents.size());
  std::vector<Var> placed, moves;
  for (int i = 0; i < bones; ++i) {
    const Var relative = matmul(hand.relative.at(i), bend(pose, i));
    const int parent = hand.parents[std::size_t(i)];
    placed.push_back(parent < 0 ? relative : matmul(placed[std::size_t(parent)], relative));
    const Var move = matmul(placed.back(), hand.at_rest.at(i));
    moves.push_back(transpose(slice(move, 0, 0, 3)));
  }
  const Dim vertices = hand.vertices.shape()[0];
  const Shape each{vertices, bones, 4};
  const Var shares =
      broadcast_to(hand.weights, each, {0, 1}) * broadcast_to(hand.vertices, each, {0, 2});
  const Var at = transpose(matmul(reshape(shares, {vertices, 4 * bones}), concat(moves, 0)));
  const Var turn = slice(pose, 0, 0, 3), angle = norm(turn), axis = turn / angle, z = number(0);
  const Var about = reshape(
      stack({z, -axis.at(2), axis.at(1), axis.at(2), z, -axis.at(0), -axis.at(1), axis.at(0), z}),
      {3, 3});
  const Var turned =
      at + matmul(about, at) * sin(angle) + matmul(matmul(about, about), at) * (1.0 - cos(angle));
  return turned + slice(pose, 0, 3, 3);
}

// Points [3, N] less places on the triangles [3, N] of vertices, by two coordinates [2, N] each.
inline Var misses(const Var& pose, const Var& at, const Hand& hand, const Var& triangles,
                  const Var& points) {
  const Var vertices = transpose(posed(pose, hand));
  const auto corner = [&](int i) { return transpose(gather(vertices, triangles.at(i))); };
  const Var rest = 1.0 - at.at(0) - at.at(1);
  return points - (at.at(0) * corner(0) + at.at(1) * corner(1) + rest * corner(2));
}

}  // namespace nodec::gradbench
