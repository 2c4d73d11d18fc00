// Points on the line y = 2 x + 1, and a model that can learn it.
#pragma once

#include "compiler/nn/layers.h"
#include "compiler/train/loader.h"

namespace nodec::testing {

inline nn::Layer line_model() { return nn::Dense(1, 1); }

inline nn::Loader line_loader(std::int64_t samples, nn::LoaderOptions options) {
  Tensor x(Dtype::F32, {samples, 1}), y(Dtype::F32, {samples, 1});
  for (std::int64_t i = 0; i < samples; ++i) {
    const float at = float(i % 7) / 3 - 1;
    x.values<float>()[std::size_t(i)] = at;
    y.values<float>()[std::size_t(i)] = 2 * at + 1;
  }
  return {nn::Table(std::move(x)), nn::Table(std::move(y)), options};
}

}  // namespace nodec::testing
