// Dropout's mask: of element (n, c, pixel) of [N, C, pixels] it is a pure function of the step's seed, the layer's
// stream and the element's index in that order, counted from the first image of the step's batch, of which a run may
// have a part. It is never stored: forward and backward compute it alike, in whatever order, on any number of threads.
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

  // y = mask·x/(1 − rate) for `count` pixels of an image from `pixel` on, in place; pixels `stride` numbers apart.
  // A factor of zero leaves NaN what it is.
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
