// Programs of any length of which no part is like the next: for what looks at long ones.
#pragma once

#include <utility>
#include <vector>

#include "compiler/nodec.h"

namespace nodec {

// `n` operations by turns on a few values that all feed each other.
inline std::vector<Var> mixed(std::vector<Var> v, int n) {
  for (int i = 0; i < n; ++i) {
    const std::size_t at = std::size_t(i) % v.size(), next = (at + 1) % v.size();
    const std::size_t far = (at + 3) % v.size();
    switch (i % 6) {
      case 0:
        v[at] = sin(v[at]) + v[next];
        break;
      case 1:
        v[at] = v[at] * v[next] * 0.5;
        break;
      case 2:
        v[at] = tanh(v[far] - v[at]);
        break;
      case 3:
        v[at] = v[at] * 0.75 + v[far] * 0.125;
        break;
      case 4:
        v[at] = select(v[at] < v[far], v[next], v[at] * 0.5);
        break;
      default:
        v[at] = v[next] / (v[at] * v[at] + 1.5);
    }
  }
  return v;
}

// Of the rows of x.
inline Var mixed_sum(const Var& x, int n) {
  std::vector<Var> v;
  for (int i = 0; i < 7; ++i) v.push_back(x.at(i));
  v = mixed(std::move(v), n);
  for (std::size_t i = 1; i < v.size(); ++i) v[0] = v[0] + v[i];
  return v[0];
}

}  // namespace nodec
