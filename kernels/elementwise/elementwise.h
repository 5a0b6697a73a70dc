// y = or += prologue(x), and its gradient: unfused batch norm and ReLU, copies, additions. Optionally the statistics of
// y (order: base/statistics.h). x and y may be slices of one buffer that do not overlap; the gradient of x may
// overwrite x (base/grad_input.h). Unaligned addresses are allowed.
#pragma once
#include "base/grad_input.h"
#include "base/prologue.h"
#include "base/statistics.h"

namespace densor {

template <class V, class T> void elementwise(const Context &ctx, const ElementwiseRecord &r, int chunk) {
  const Cut work = cut(r.size.images, r.size.height, chunk, r.chunks);
  const Range images = work.images;
  const Prologued<V> prologue(ctx, r.prologue);
  const int width = r.size.width, channels = r.size.channels;
  const size_t pixels = static_cast<size_t>(r.size.height) * width;
  float *statistics = statisticsPartial(ctx, r.statistics, chunk, channels);
  int gathered = 0;
  for (int n = images.begin; n < images.end; n++)
    for (int i = work.rows.begin; i < work.rows.end; i++) {
      const T *x = ctx.at<T>(r.x, n, pixels) + static_cast<size_t>(i) * width * r.x.stride;
      T *y = ctx.at<T>(r.y, n, pixels) + static_cast<size_t>(i) * width * r.y.stride;
      for (int j = 0; j < width; j++)
        for (int c = 0; c < channels; c += V::size) {
          T *to = y + j * r.y.stride + c;
          const V value = prologue.load(x + j * r.x.stride, c);
          storeFirst(r.accumulate ? V::load(to) + value : value, to, channels - c);
        }
      if (statistics) gatherStatistics<V>(y, r.y.stride, width, channels, statistics, gathered);
      gathered += width;
    }
}

template <class V, class T> void elementwiseGradInput(const Context &ctx, const ElementwiseGradInputRecord &r, int chunk) {
  const Range images = part(r.size.images, chunk, r.chunks);
  const InputGradient<V> end(ctx, r.prologue, r.x, r.gradInput, r.size.channels, chunk);
  const int width = r.size.width;
  const size_t pixels = static_cast<size_t>(r.size.height) * width;
  for (int n = images.begin; n < images.end; n++) {
    const Corrected<V, T> gradOutput(ctx, r.gradOutput, n, pixels);
    for (size_t row = 0; row < pixels; row += width) {
      const T *x = ctx.at<T>(r.x, n, pixels) + row * r.x.stride;
      T *gradient = ctx.at<T>(r.gradInput.gradient, n, pixels) + row * r.gradInput.gradient.stride;
      for (int c = 0; c < end.channels; c += V::size)
        end.apply(x, gradient, c, width, [&](int j) { return gradOutput.load(row + j, c); });
    }
  }
}

}  // namespace densor
