// How an op reads a feature, and how it reads the gradient of its output. Both load V::size channels from c on;
// lanes beyond the last channel hold whatever lies there and must not reach a result.
#pragma once
#include "base/context.h"

namespace densor {

// relu?(scale·x + shift)
template <class V> struct Prologued {
  const float *scale, *shift;
  bool relu;

  Prologued(const Context &ctx, const Prologue &p) : scale(ctx.at(p.scale)), shift(ctx.at(p.shift)), relu(p.relu) {}

  template <class T> DENSOR_INLINE V load(const T *pixel, int c) const {
    V x = V::load(pixel + c);
    if (scale) x = fma(V::load(scale + c), x, V::load(shift + c));
    return relu ? ::relu(x) : x;
  }

  // The same for walks over a slice of a wider buffer: pixels `stride` numbers apart leave gaps that a processor's own
  // prefetching does not follow, so the pixel a few steps ahead is asked for now (packing took half the time).
  template <class T> DENSOR_INLINE V loadAhead(const T *pixel, int c, size_t stride) const {
    __builtin_prefetch(pixel + c + 16 * stride);
    return load(pixel, c);
  }
};

// gradient + slope·x + intercept: the gradient through the feature's statistics, which waited until all its
// readers had been (see finalizeCorrection).
template <class V, class T> struct Corrected {
  const float *slope, *intercept;
  const T *gradient, *x; // pixel 0 of an image
  size_t gradientStride, xStride;

  Corrected(const Context &ctx, const GradOutput &g, size_t image, size_t pixels)
      : slope(ctx.at(g.slope)), intercept(ctx.at(g.intercept)), gradient(ctx.at<T>(g.gradient, image, pixels)),
        x(slope ? ctx.at<T>(g.x, image, pixels) : nullptr), gradientStride(g.gradient.stride), xStride(g.x.stride) {}

  DENSOR_INLINE V load(size_t pixel, int c) const {
    V g = V::load(gradient + pixel * gradientStride + c);
    if (slope) g = g + fma(V::load(slope + c), V::load(x + pixel * xStride + c), V::load(intercept + c));
    return g;
  }
};

}  // namespace densor
