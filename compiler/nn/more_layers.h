// Layers beyond the plain ones: elementwise, tables, pooling, and those that join others. The first
// axis counts features or channels, the last one samples: f32[20, B], f32[3, 28, 28, B].
#pragma once

#include <functional>
#include <vector>

#include "compiler/nn/by_name.h"
#include "compiler/nn/layer.h"

namespace nodec::nn {

// weight x + bias of each feature: `weight` begins as 1, `bias` as 0; [features].
Layer Scale(std::int64_t features, Here where = Here::current());
// x + bias of each feature.
Layer Bias(std::int64_t features, Here where = Here::current());
// Integers [B] or [..., B] to columns of a table: [features, B] or [features, ..., B]. `weight` is
// [count, features], N(0, 1).
Layer Embedding(std::int64_t count, std::int64_t features, Here where = Here::current());
// a' weight[k] b + bias[k] for each output k, where the input [first + second, B] is a above b:
// weight [out, first, second].
Layer Bilinear(std::int64_t first, std::int64_t second, std::int64_t out,
               Here where = Here::current());

struct NormOptions {
  ByName by_name = ByName();
  double epsilon = 1e-5;  // added to the variance
};

// (x - mean) / sqrt(variance + epsilon) of each sample, over all its axes, then scale and bias of
// each element; `dims` are a sample's. (Ba, Kiros, Hinton, Layer normalization, 2016.)
Layer LayerNorm(std::vector<std::int64_t> dims, NormOptions options = {},
                Here where = Here::current());
// The same over each of `groups` groups of neighbouring channels, then scale and bias of each
// channel. (Wu and He, Group normalization, 2018.)
Layer GroupNorm(std::int64_t channels, std::int64_t groups, NormOptions options = {},
                Here where = Here::current());

// The largest, or the mean, of each window; the windows lie side by side on as many axes in front
// of the samples as they have sides, whose sizes are their multiples.
Layer MaxPool(std::vector<std::int64_t> window, Here where = Here::current());
Layer MeanPool(std::vector<std::int64_t> window, Here where = Here::current());
// Windows that overlap, leave gaps or reach outside: [channels, sizes ..., samples]. Outside there
// is nothing greater for the largest; a mean counts the zeros there.
Layer MaxPool(std::vector<std::int64_t> window, Windows windows, Here where = Here::current());
Layer MeanPool(std::vector<std::int64_t> window, Windows windows, Here where = Here::current());

// connect(layer(x), x), by default their sum.
using Connect = std::function<Var(const Var& y, const Var& x)>;
Layer SkipConnection(Layer layer, Connect connect = {}, Here where = Here::current());
// What all layers make of one input, joined: by default one above the other along the first axis.
// Parameters and states are layer_1, layer_2, ...
using Join = std::function<Var(const std::vector<Var>& ys)>;
Layer Parallel(std::vector<Layer> layers, Join join = {}, Here where = Here::current());

}  // namespace nodec::nn
