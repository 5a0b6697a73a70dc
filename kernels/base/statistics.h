// Mean and M2 = Σ(x − mean)² of each channel, computed while the values are in cache, and from the values as they are
// stored (rounded, with bfloat16), because these are the values that consumers normalize.
// Order of reduction: pixels of a row, rows of an image, images of a chunk; then chunks, in finalizeStatistics.
// Merging: Chan, Golub, LeVeque 1979.
#pragma once
#include "base/context.h"

namespace densor {

// Merges one row of `width` pixels into the partial of a chunk: mean[paddedChannels], M2[paddedChannels].
// It already contains `count` values per channel; if 0, the partial is written without being read.
template <class V, class T>
void gatherStatistics(const T *row, size_t stride, int width, int channels, float *partial, int count) {
  float *means = partial, *m2s = partial + paddedChannels(channels);
  const float all = static_cast<float>(count + width);
  const V inverseWidth = V::splat(1.0f / static_cast<float>(width));
  const V share = V::splat(static_cast<float>(width) / all);
  const V cross = V::splat(static_cast<float>(count) * (static_cast<float>(width) / all));
  for (int c = 0; c < channels; c += V::size) {
    V sum = V::splat(0), m2 = V::splat(0);
    for (int i = 0; i < width; i++) sum = sum + V::load(row + i * stride + c);
    const V mean = sum * inverseWidth;
    for (int i = 0; i < width; i++) {
      const V d = V::load(row + i * stride + c) - mean;
      m2 = fma(d, d, m2);
    }
    if (count == 0) {
      mean.store(means + c);
      m2.store(m2s + c);
    } else {
      const V before = V::load(means + c), delta = mean - before;
      fma(delta, share, before).store(means + c);
      fma(delta * delta, cross, V::load(m2s + c) + m2).store(m2s + c);
    }
  }
}

// The partial of a chunk; null if `partials` is absent.
DENSOR_INLINE float *statisticsPartial(const Context &ctx, Address partials, int chunk, int channels) {
  float *first = ctx.at(partials);
  return first ? first + static_cast<size_t>(chunk) * 2 * paddedChannels(channels) : nullptr;
}

}  // namespace densor
