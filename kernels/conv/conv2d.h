// y = dropout(relu?(conv(prologue(x)) + bias)), and optionally the statistics of y (order: base/statistics.h). x and y
// may be slices of one buffer that do not overlap. Unaligned addresses are allowed. Order of reduction: kernel rows,
// then (kernel column, channel), ascending.
#pragma once
#include "base/dropout.h"
#include "base/prologue.h"
#include "base/statistics.h"
#include "conv/convolve_images.h"
#include "conv/filter_runs.h"
#include "conv/micro_kernel.h"
#include "conv/pack.h"

namespace densor {

// One row of outputs from a packed strip: for each tile, Σ over the runs of the filter, whose first position is `from`.
// epilogue(tile, firstPixel, firstOutput) receives V[R][B] in registers.
template <class V, class P, class Epilogue>
void convolveRow(const P *from, int pixelStep, int width, const FilterRuns<P> &runs, const P *packed, int outputs,
                 Epilogue epilogue) {
  for (int o = 0; o < outputs; o += V::tileBlocks * V::size) {
    const P *panel = packed + static_cast<size_t>(o) * runs.panelRows();
    forProductRows<V, P>(width, [&](int first, int length) {
      multiplyRuns<V>(
          length, (outputs - o + V::size - 1) / V::size, pixelStep, panel, runs.depth,
          [&](auto add) DENSOR_LAMBDA_INLINE { runs.each(from + static_cast<size_t>(first) * pixelStep, add); },
          [&]<int R, int B>(V(&tile)[R][B], int row) DENSOR_LAMBDA_INLINE { epilogue(tile, first + row, o); });
    });
  }
}

// Row `i` of the outputs of a packed strip: y = finish(conv + bias, channel), pixels `stride` apart.
template <class V, class T, class P, class Record, class Finish>
void convolveStripRow(const Context &ctx, const Record &r, const Strip &strip, const P *packedStrip, int i, T *y,
                      size_t stride, Finish finish) {
  const Window &w = r.window;
  const float *bias = ctx.at(r.bias);
  const int channels = r.in.channels, outputs = r.out.channels;
  const FilterRuns<P> runs(w.kernelHeight, w.kernelWidth, channels, strip.pitch());
  convolveRow<V>(packedStrip + i * w.strideHeight * strip.pitch(), static_cast<int>(w.strideWidth) * channels,
                 r.out.width, runs, ctx.at<P>(r.packed), outputs,
                 [&]<int R, int B>(V(&tile)[R][B], int first, int o) DENSOR_LAMBDA_INLINE {
                   DENSOR_UNROLL for (int b = 0; b < B; b++) {
                     const int c = o + b * V::size;
                     const V shift = bias ? loadFirst<V>(bias + c, outputs - c) : V::splat(0);
                     DENSOR_UNROLL for (int k = 0; k < R; k++)
                         storeFirst(finish(tile[k][b] + shift, c), y + (first + k) * stride + c, outputs - c);
                   }
                 });
}

// ReLU, or the identity.
template <class V> struct Activation {
  bool relu;
  DENSOR_INLINE V operator()(V value, int) const { return relu ? ::relu(value) : value; }
};

// Computes the rows of a chunk's outputs, ascending: each into rowAt(image, row); then calls finish(y, image, row),
// which may modify the row, adds the row to the statistics, and calls done(image, row). `scratch`: for strips of P. T:
// the element type of x.
template <class V, class T, class P, class Record, class RowAt, class Finish, class Done>
void forConvolvedRows(const Context &ctx, const Record &r, int chunk, const Cut &work, P *scratch, size_t stride,
                      RowAt rowAt, Finish finish, Done done) {
  const Range images = work.images;
  const Activation<V> activation{r.relu != 0};
  const Prologued<V> prologue(ctx, r.prologue);
  const int outputs = r.out.channels, width = r.out.width;
  const size_t inPixels = static_cast<size_t>(r.in.height) * r.in.width;
  float *statistics = statisticsPartial(ctx, r.statistics, chunk, outputs);
  int gathered = 0;

  for (int n = images.begin; n < images.end; n++) {
    const T *x = ctx.at<T>(r.x, n, inPixels);
    for (int top = work.rows.begin; top < work.rows.end; top += r.stripRows) {
      const int rows = top + static_cast<int>(r.stripRows) <= work.rows.end ? r.stripRows : work.rows.end - top;
      const Strip strip = inputStrip(r, top, rows);
      packStrip<V>(strip, scratch, [&](size_t pixel, int c) { return prologue.loadAhead(x + pixel * r.x.stride, c, r.x.stride); });
      for (int i = 0; i < rows; i++) {
        auto *y = rowAt(n, top + i);
        convolveStripRow<V>(ctx, r, strip, scratch, i, y, stride, activation);
        finish(y, n, top + i);
        if (statistics) gatherStatistics<V>(y, stride, width, outputs, statistics, gathered);
        gathered += width;
        done(n, top + i);
      }
    }
  }
}

// A strip is several whole images (convolve_images.h). Statistics: one partial per leaf.
template <class V, class T> void conv2dOfImages(const Context &ctx, const Conv2dRecord &r, int chunk) {
  using P = Operand<T>;
  const Range images = part(r.in.images, chunk, r.chunks);
  const Prologued<V> prologue(ctx, r.prologue);
  const int pixels = r.out.height * r.out.width, outputs = r.out.channels;
  const size_t xImage = static_cast<size_t>(pixels) * r.x.stride, yImage = static_cast<size_t>(pixels) * r.y.stride;
  const float *bias = ctx.at(r.bias);
  const Activation<V> activation{r.relu != 0};
  const DropoutMask mask(ctx, r.dropout, r.out);
  Leaf leaf(r.in.images, r.leaves, images.begin);
  const SmallConvolution<P> conv(r.in, r.window, r.window.paddingHeight, r.window.paddingWidth, outputs,
                                 ctx.at<P>(r.packed));
  P *strip = ctx.scratchFrom<P>();
  for (int n = images.begin; n < images.end; n += r.stripImages) {
    const int together = n + static_cast<int>(r.stripImages) <= images.end ? r.stripImages : images.end - n;
    const T *x = ctx.at<T>(r.x, n, pixels);
    T *y = ctx.at<T>(r.y, n, pixels);
    packImages<V>(together, pixels, conv.channels, strip, [&](int image, int pixel, int c) DENSOR_LAMBDA_INLINE {
      return prologue.load(x + image * xImage + pixel * r.x.stride, c);
    });
    convolveImages<V>(conv, strip, together,
                      [&]<int R, int B>(V(&tile)[R][B], int pixel, int first, int o) DENSOR_LAMBDA_INLINE {
                        DENSOR_UNROLL for (int b = 0; b < B; b++) {
                          const int c = o + b * V::size;
                          const V shift = bias ? loadFirst<V>(bias + c, outputs - c) : V::splat(0);
                          T *to = y + first * yImage + pixel * r.y.stride + c;
                          DENSOR_UNROLL for (int k = 0; k < R; k++)
                              storeFirst(activation(tile[k][b] + shift, c), to + k * yImage, outputs - c);
                        }
                      });
    for (int i = 0; i < together; i++) mask.apply<V>(y + i * yImage, r.y.stride, n + i, 0, pixels);
    for (int i = 0; r.statistics != NO_ADDRESS && i < together; i++) {
      leaf.moveTo(n + i);
      gatherStatistics<V>(y + i * yImage, r.y.stride, pixels, outputs,
                          statisticsPartial(ctx, r.statistics, leaf.index, outputs),
                          (n + i - leaf.images.begin) * pixels);
    }
  }
}

// A strip is some rows of one image. Statistics: one partial per chunk.
template <class V, class T> void conv2dOfRows(const Context &ctx, const Conv2dRecord &r, int chunk) {
  const size_t pixels = static_cast<size_t>(r.out.height) * r.out.width;
  const auto rowAt = [&](int n, int i) {
    return ctx.at<T>(r.y, n, pixels) + static_cast<size_t>(i) * r.out.width * r.y.stride;
  };
  const DropoutMask mask(ctx, r.dropout, r.out);
  const auto drop = [&](T *y, int n, int i) { mask.apply<V>(y, r.y.stride, n, i * r.out.width, r.out.width); };
  const Cut work = cut(r.in.images, r.out.height, chunk, r.chunks);
  forConvolvedRows<V, T>(ctx, r, chunk, work, ctx.scratchFrom<Operand<T>>(), r.y.stride, rowAt, drop, [](int, int) {});
}

template <class V, class T> void conv2d(const Context &ctx, const Conv2dRecord &r, int chunk) {
  return r.stripImages > 1 ? conv2dOfImages<V, T>(ctx, r, chunk) : conv2dOfRows<V, T>(ctx, r, chunk);
}

}  // namespace densor
