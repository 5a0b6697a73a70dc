// How ops read their inputs (batch norm and ReLU are applied on load) and the gradients of their outputs. Both load
// V::size channels from c on; lanes after the last channel hold arbitrary values and must not affect a result.
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

  // The same for loops over the pixels of a slice of a wider buffer: pixels are `stride` elements apart, a pattern that
  // hardware prefetchers miss, so a later pixel is prefetched explicitly (this halved the time of packing).
  template <class T> DENSOR_INLINE V loadAhead(const T *pixel, int c, size_t stride) const {
    __builtin_prefetch(pixel + c + 16 * stride);
    return load(pixel, c);
  }
};

// gradient + slope·x + intercept, which adds the gradient through the batch statistics of x. It is known only after all
// consumers of x have added their gradients (finalizeCorrection).
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
