// The dropout mask. Whether element (n, c, pixel) of [N, C, pixels] is dropped is a pure function of the seed of the
// step, the stream of the layer and the index of the element in this order, counted from the first image of the whole
// batch (a run may process a micro-batch). The mask is never stored: forward and backward passes compute the same one,
// in any order and on any number of threads.
#pragma once
#include "base/context.h"
#include "base/random.h"

namespace densor {

struct DropoutMask {
  uint32_t seed, firstImage, stream, threshold;
  float scale;
  uint32_t channels, pixels; // of an image

  DropoutMask(const Context &ctx, const Dropout &d, const Size &size)
      : seed(ctx.scalars->stepSeed), firstImage(ctx.scalars->firstImage), stream(d.stream), threshold(d.threshold), scale(d.scale),
        channels(size.channels), pixels(size.height * size.width) {}

  // y = mask·y/(1 − rate), in place, for `count` pixels of an image from `pixel` on; pixels are `stride` elements
  // apart. Dropped elements are multiplied by zero, so NaN stays NaN.
  template <class V, class T> void apply(T *y, size_t stride, int image, uint32_t pixel, int count) const {
    if (threshold == 0) return;
    for (int j = 0; j < count; j++, y += stride)
      for (int c = 0; c < static_cast<int>(channels); c += 16) {
        uint32_t bits[16];
        float factors[16];
        randomBits<16>(seed, stream, ((firstImage + image) * channels + c) * pixels + pixel + j, pixels, bits);
        for (int k = 0; k < 16; k++) factors[k] = bits[k] < threshold ? 0 : scale;
        for (int k = 0; k < 16; k += V::size) {
          const int lanes = static_cast<int>(channels) - c - k;
          if (lanes > 0) storeFirst(loadFirst<V>(y + c + k, lanes) * V::load(factors + k), y + c + k, lanes);
        }
      }
  }
};

}  // namespace densor
