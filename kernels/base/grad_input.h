// The epilogue of every input-gradient kernel: from du, the gradient of the prologue's output, to the gradient of x.
//   z = scale·x + shift,  dz = du·[z > 0] (with ReLU),  gradient = or += scale·dz,
//   sums += Σdz and Σdz·(x − mean) per channel, from which finalizeGradSums computes the gradients of the batch norm.
// The gradient may overwrite x in place. Only existing channels are written: gradients of other features follow them.
// Order of reduction: pixels in the order of calls, one sum per call added to the chunk's sums.
#pragma once
#include "base/constant.h"
#include "base/context.h"

namespace densor {

template <class V> struct InputGradient {
  const float *scale, *shift, *mean;
  float *sums; // this chunk's [2][paddedChannels], or null
  bool relu, accumulate;
  int channels;
  size_t xStride, gradientStride;

  InputGradient(const Context &ctx, const Prologue &p, const View &x, const GradInput &g, int channels, int chunk)
      : scale(ctx.at(p.scale)), shift(ctx.at(p.shift)), mean(ctx.at(g.mean)), sums(ctx.at(g.sums)), relu(p.relu),
        accumulate(g.accumulate), channels(channels), xStride(x.stride), gradientStride(g.gradient.stride) {
    if (!sums) return;
    const int padded = paddedChannels(channels);
    sums += static_cast<size_t>(chunk) * 2 * padded;
    for (int c = 0; c < 2 * padded; c++) sums[c] = 0;
  }

  // Channels [c, c + V::size) of `count` adjacent pixels; du(i): that of pixel i. Count: int or Constant.
  template <class T, class Count, class Du>
  DENSOR_INLINE void apply(const T *x, T *gradient, int c, Count count, Du du) const {
    apply(x, gradient, c, count, du, sums);
  }
  // The same with other sums, [2][paddedChannels] or null.
  template <class T, class Count, class Du>
  DENSOR_INLINE void apply(const T *x, T *gradient, int c, Count count, Du du, float *sums) const {
    const int lanes = channels - c;
    const V a = scale ? V::load(scale + c) : V::splat(1);
    const V b = scale ? V::load(shift + c) : V::splat(0);
    const V m = sums ? V::load(mean + c) : V::splat(0);
    V sum = V::splat(0), centred = V::splat(0);
    forEach(count, [&](int i) DENSOR_LAMBDA_INLINE {
      const V xi = V::load(x + i * xStride + c);
      V dz = du(i);
      if (relu) dz = keepWherePositive(fma(a, xi, b), dz);
      T *g = gradient + i * gradientStride + c;
      // Prefetches the pixels of the next tile.
      __builtin_prefetch(x + (i + count) * xStride + c);
      __builtin_prefetch(g + count * gradientStride);
      storeFirst(accumulate ? fma(a, dz, V::load(g)) : a * dz, g, lanes);
      sum = sum + dz;
      centred = fma(dz, xi - m, centred);
    });
    if (!sums) return;
    float *s0 = sums + c, *s1 = s0 + paddedChannels(channels);
    (V::load(s0) + sum).store(s0);
    (V::load(s1) + centred).store(s1);
  }
};

}  // namespace densor
