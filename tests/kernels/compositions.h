// What kernels/composed.h makes of several ops, each as a sample program, so that whatever is
// tested of every op of the catalogue can be tested of these.
#pragma once

#include <vector>

#include "kernels/build.h"
#include "kernels/composed.h"
#include "kernels/rules.h"

namespace nodec::testing {

inline Value* identity_plus(Builder& b, Value* x, double diagonal) {
  const Shape& shape = x->type.shape();
  const Shape square{shape[0], shape[1]};
  Value* places = eq(b, iota(b, Dtype::I32, square, 0), iota(b, Dtype::I32, square, 1));
  Value* ones = cast(b, places, x->type.dtype());
  Value* large = mul(b, ones, splat(b, ones, diagonal));
  return add(b, x, broadcast_to(b, large, shape, {0, 1}));
}

// A matrix [n, n, ...] with all its eigenvalues above 1.
inline Value* positive_definite(Builder& b, Value* x) {
  const bool many = x->type.rank() > 2;
  Value* product = einsum(b, many ? "ikb,jkb->ijb" : "ik,jk->ij", x, x);
  return identity_plus(b, product, 1);
}

inline void sample_scans(Builder& b, Value* (*f)(Builder&, Value*, std::int64_t), Dtype real) {
  const Dim batch = Dim::symbol("B");
  Value* lanes = sample_arg(b, real, {19, batch});
  b.region().results = {f(b, lanes, 0), f(b, sample_arg(b, real, {2, 37, 3}), 1),
                        f(b, sample_arg(b, real, {5}), 0),
                        f(b, sample_arg(b, real, {1, batch}), 0)};
}

inline void sample_sort(Builder& b, Dtype real) {
  const Dim batch = Dim::symbol("B");
  Value *lanes = sample_arg(b, real, {7, batch}), *dense = sample_arg(b, real, {3, 8});
  Value* whole = sample_arg(b, Dtype::I32, {5, batch});
  Values& results = b.region().results;
  for (const bool descending : {false, true}) {
    for (const Sorted& s : {sort(b, lanes, 0, descending), sort(b, dense, 1, descending),
                            sort(b, whole, 0, descending)}) {
      results.push_back(s.values);
      results.push_back(s.places);
    }
  }
  const Sorted top = top_k(b, lanes, 3, 0);
  results.push_back(top.values);
  results.push_back(top.places);
}

inline void sample_parts(Builder& b, Dtype real) {
  const Dim batch = Dim::symbol("B");
  Value *lanes = sample_arg(b, real, {6, batch}), *dense = sample_arg(b, real, {3, 8});
  Value* start = sample_arg(b, Dtype::I32, {});
  Value *few = sample_arg(b, real, {2, batch}), *columns = sample_arg(b, real, {3, 4});
  b.region().results = {dynamic_slice(b, lanes, start, 0, 4), dynamic_slice(b, dense, start, 1, 3),
                        dynamic_update(b, lanes, few, start, 0),
                        dynamic_update(b, dense, columns, start, 1)};
}

inline void sample_einsum(Builder& b, Dtype real) {
  const Dim batch = Dim::symbol("B");
  Value *x = sample_arg(b, real, {2, 3}), *y = sample_arg(b, real, {3, 4});
  Value *u = sample_arg(b, real, {2, 3, batch}), *v = sample_arg(b, real, {3, 4, batch});
  Value *p = sample_arg(b, real, {5, 2, 3}), *q = sample_arg(b, real, {5, 3, 4});
  b.region().results = {einsum(b, "ij,jk->ki", x, y),   einsum(b, "ijb,jkb->ikb", u, v),
                        einsum(b, "ij,jkb->ikb", x, v), einsum(b, "ij,kl->iljk", x, y),
                        einsum(b, "ij,ij->", x, x),     einsum(b, "ij,k->k", x, sum(b, y, {0})),
                        batched_matmul(b, p, q)};
}

// Letters that an operand names more than once: a diagonal, one for each sample, two at once.
inline void sample_einsum_diagonal(Builder& b, Dtype real) {
  const Dim batch = Dim::symbol("B");
  Value *x = sample_arg(b, real, {3, 3}), *y = sample_arg(b, real, {3, 4});
  Value *u = sample_arg(b, real, {2, 3, 3, batch}), *v = sample_arg(b, real, {2, 3, 2, 3});
  b.region().results = {einsum(b, "ii,ij->j", x, y), einsum(b, "ii,->", x, sum(b, y, {0, 1})),
                        einsum(b, "jiib,ik->jkb", u, y),
                        einsum(b, "ijij,ik->jk", v, sum(b, u, {3, 1}))};
}

inline void sample_convolution(Builder& b, Dtype real) {
  const Dim batch = Dim::symbol("B");
  Value *line = sample_arg(b, real, {2, 9, batch}), *kernel = sample_arg(b, real, {3, 2, 3});
  Value *image = sample_arg(b, real, {2, 5, 6, batch}), *patch = sample_arg(b, real, {3, 2, 3, 2});
  b.region().results = {convolution(b, line, kernel), convolution(b, line, kernel, {{2}, {1}}),
                        convolution(b, image, patch),
                        convolution(b, image, patch, {{2, 3}, {1, 0}})};
}

inline void sample_systems(Builder& b, Dtype real) {
  const Dim batch = Dim::symbol("B");
  Value *one = sample_arg(b, real, {4, 4}), *many = sample_arg(b, real, {3, 3, batch});
  Value *right = sample_arg(b, real, {4, 2}), *vector = sample_arg(b, real, {4});
  Value* samples = sample_arg(b, real, {3, batch});
  Value *a = identity_plus(b, one, 3), *c = identity_plus(b, many, 3);
  b.region().results = {triangular_solve(b, a, right),
                        triangular_solve(b, a, vector, {.lower = false}),
                        triangular_solve(b, a, vector, {.transposed = true, .unit = true}),
                        triangular_solve(b, c, samples),
                        cholesky(b, positive_definite(b, one)),
                        cholesky(b, positive_definite(b, many)),
                        linear_solve(b, one, right),
                        linear_solve(b, c, samples),
                        determinant(b, one),
                        determinant(b, many)};
}

inline std::vector<Primitive> compositions() {
  const auto elementwise = [](Builder& b, Dtype real) {
    Value* x = sample_arg(b, real);
    b.region().results = {ceil(b, x), silu(b, x), gelu(b, x), gelu(b, x, true)};
  };
  const auto logsumexps = [](Builder& b, Dtype real) {
    Value* x = sample_arg(b, real);
    b.region().results = {logsumexp(b, x, {0}), logsumexp(b, x, {0, 1}),
                          logsumexp(b, sample_arg(b, real, {4, 5}), {1})};
  };
  return {{.name = "elementwise", .sample = elementwise},
          {.name = "logsumexp", .sample = logsumexps},
          {.name = "flip", .sample = [](Builder& b, Dtype d) { sample_scans(b, flip, d); }},
          {.name = "cumsum", .sample = [](Builder& b, Dtype d) { sample_scans(b, cumsum, d); }},
          {.name = "cumprod",
           .domain = {0.8, 1.25},
           .sample = [](Builder& b, Dtype d) { sample_scans(b, cumprod, d); }},
          {.name = "dynamic parts", .domain = {-3, 8}, .sample = sample_parts},
          {.name = "sort", .domain = {-9, 9}, .sample = sample_sort},
          {.name = "einsum", .sample = sample_einsum},
          {.name = "einsum_diagonal", .sample = sample_einsum_diagonal},
          {.name = "convolution", .sample = sample_convolution},
          {.name = "systems", .domain = {-1, 1}, .sample = sample_systems}};
}

}  // namespace nodec::testing
