// y = or += mask·x/(1 − rate), for dropout that is not fused into a convolution, and its gradient, which is the same
// function of the corrected gradient. Optionally the statistics of y (order: base/statistics.h). x and y may be slices
// of one buffer that do not overlap. Unaligned addresses are allowed. Scratch: [width][paddedChannels] floats, one row.
#pragma once
#include "base/dropout.h"
#include "base/prologue.h"
#include "base/statistics.h"

namespace densor {

template <class V, class T> void dropout(const Context &ctx, const DropoutRecord &r, int chunk) {
  const Range images = part(r.size.images, chunk, r.chunks);
  const DropoutMask mask(ctx, r.dropout, r.size);
  const int width = r.size.width, channels = r.size.channels, padded = paddedChannels(channels);
  const size_t pixels = static_cast<size_t>(r.size.height) * width;
  float *statistics = statisticsPartial(ctx, r.statistics, chunk, channels);
  int gathered = 0;
  for (int n = images.begin; n < images.end; n++) {
    const Corrected<V, T> x(ctx, r.x, n, pixels);
    for (size_t row = 0; row < pixels; row += width) {
      T *y = ctx.at<T>(r.y, n, pixels) + row * r.y.stride;
      for (int j = 0; j < width; j++)
        for (int c = 0; c < channels; c += V::size)
          storeFirst(x.load(row + j, c), ctx.scratch + j * padded + c, channels - c);
      mask.apply<V>(ctx.scratch, padded, n, static_cast<uint32_t>(row), width);
      for (int j = 0; j < width; j++)
        for (int c = 0; c < channels; c += V::size) {
          const V value = loadFirst<V>(ctx.scratch + j * padded + c, channels - c);
          T *to = y + j * r.y.stride + c;
          storeFirst(r.accumulate ? loadFirst<V>(to, channels - c) + value : value, to, channels - c);
        }
      if (statistics) gatherStatistics<V>(y, r.y.stride, width, channels, statistics, gathered);
      gathered += width;
    }
  }
}

}  // namespace densor
