// A convolution y = conv(prologue(x)) + bias fused with the following max pool: of each window only the selected value
// of y is stored, m = the y that maximizes sign(γ)·y, and optionally its position. relu(a·m + b) then equals the max
// pool of relu(a·y + b), because a has the sign of γ. (If γ = 0, all values tie: the first NaN is selected, otherwise
// the first value.) Without γ (batch norm folded into the weights, ReLU applied here) the largest y is selected.
// Scratch contains as many rows of y as a window is high. The statistics include every pixel of y once, in the order of
// conv2d. They are computed from y before rounding to the storage type, because y is never stored and its gradient uses
// the unrounded values.
// If a chunk is some rows of m, it computes the rows of y in their windows: rows shared by two chunks are computed
// twice. The weight gradient: partials as those of conv2dGradWeight. y is recomputed row by row for the correction of
// its statistics.
// x and m do not overlap; m and partials are =. Unaligned addresses are allowed. Order of reduction: as conv2d
// (forward), as conv2dGradWeight (weight gradient).
// Copying the 7×7 inputs of a pixel into one run of 49, instead of using seven runs of 7, was not faster (WASM, 4
// images of 96×96: 2.7 against 2.6 ms forward, 3.4 against 3.3 backward); on AVX-512 the seven runs reach 70% of the
// FMA peak. The weight gradient by bfloat16 dot products does copy the inputs of each tap (conv2d_grad_weight_pairs.h),
// because its pairs are adjacent pixels, which a stride separates.
#pragma once
#include "conv/conv2d.h"
#include "conv/conv2d_grad_weight.h"
#include "pool/pool.h"

namespace densor {

template <class V, class T> void conv2dMaxPool(const Context &ctx, const Conv2dMaxPoolRecord &r, int chunk) {
  const Window &w = r.pool;
  const int channels = r.out.channels, padded = paddedChannels(channels);
  const size_t rowFloats = static_cast<size_t>(r.out.width) * padded;
  const size_t pooledPixels = static_cast<size_t>(r.pooled.height) * r.pooled.width;
  float *signs = ctx.scratchFrom(), *ring = signs + padded;
  auto *strips = ctx.scratchFrom<Operand<T>>(padded + w.kernelHeight * rowFloats);
  const float *gamma = ctx.at(r.gamma);
  for (int c = 0; c < padded; c++) signs[c] = c >= channels ? 0 : !gamma ? 1 : (gamma[c] > 0) - (gamma[c] < 0);
  Cut work = cut(r.in.images, r.pooled.height, chunk, r.chunks);
  const Range windows = work.rows;

  // Row `row` of y in the ring buffer; row + kernelHeight overwrites it.
  const auto rowAt = [&](int row) { return ring + row % w.kernelHeight * rowFloats; };
  const auto lastRow = [&](int i) {
    const int last = static_cast<int>(i * w.strideHeight + w.kernelHeight) - static_cast<int>(w.paddingHeight) - 1;
    return last < static_cast<int>(r.out.height) ? last : static_cast<int>(r.out.height) - 1;
  };
  work.rows = {insideWindow(windows.begin, w.strideHeight, w.paddingHeight, w.kernelHeight, r.out.height).begin +
                   static_cast<int>(windows.begin * w.strideHeight) - static_cast<int>(w.paddingHeight),
               lastRow(windows.end - 1) + 1};
  if (windows.begin == 0) work.rows.begin = 0; // Statistics include rows outside all windows.
  if (windows.end == static_cast<int>(r.pooled.height)) work.rows.end = r.out.height;
  int incomplete = 0; // the first row of windows that is not complete
  forConvolvedRows<V, T>(
      ctx, r, chunk, work, strips, padded, [&](int, int row) { return rowAt(row); }, [](float *, int, int) {},
      [&](int n, int row) {
        if (row == work.rows.begin) incomplete = windows.begin;
        for (; incomplete < windows.end && lastRow(incomplete) == row; incomplete++) {
          T *m = ctx.at<T>(r.m, n, pooledPixels) + static_cast<size_t>(incomplete) * r.pooled.width * r.m.stride;
          if (!gamma && r.index == NO_ADDRESS)
            greatestRow<V>(w, r.out, r.pooled, incomplete, m, r.m.stride, padded, rowAt,
                           [](const float *pixel, int c) DENSOR_LAMBDA_INLINE { return V::load(pixel + c); });
          else maxPoolRow<V>(
              w, r.out, r.pooled, incomplete, m, r.m.stride, indexRow(ctx, r.index, r.pooled, n, incomplete), padded,
              rowAt,
              [](const float *pixel, int c) DENSOR_LAMBDA_INLINE { return V::load(pixel + c); },
              [&](V y, int c) DENSOR_LAMBDA_INLINE { return V::load(signs + c) * y; });
        }
      });
}

// Rows [top, top + rows) of the gradient of y += the gradient of m at the selected positions. Order of reduction per
// pixel: rows of windows, then positions in the window, ascending. The loop over the windows of a row is innermost, so
// that the position is constant in it.
template <class V, class T>
void addAtWinners(const Context &ctx, const Conv2dMaxPoolGradWeightRecord &r, int image, int top, int rows,
                  float *gradients) {
  const Window &w = r.pool;
  const int channels = r.out.channels, padded = paddedChannels(channels), width = r.out.width;
  const int kernelHeight = w.kernelHeight, kernelWidth = w.kernelWidth, stride = w.strideWidth;
  const size_t pooledPixels = static_cast<size_t>(r.pooled.height) * r.pooled.width;
  const Range windows = {
      coveringOutputs(top, w.strideHeight, w.paddingHeight, kernelHeight, r.pooled.height).begin,
      coveringOutputs(top + rows - 1, w.strideHeight, w.paddingHeight, kernelHeight, r.pooled.height).end};
  for (int i = windows.begin; i < windows.end; i++) {
    const uint8_t *index = indexRow(ctx, r.index, r.pooled, image, i);
    const T *gradM = ctx.at<T>(r.gradM, image, pooledPixels) + static_cast<size_t>(i) * r.pooled.width * r.gradM.stride;
    for (int a = 0; a < kernelHeight; a++) {
      const int row = static_cast<int>(i * w.strideHeight) - static_cast<int>(w.paddingHeight) + a - top;
      if (row < 0 || row >= rows) continue;
      for (int b = 0; b < kernelWidth; b++) {
        const V position = V::splat(static_cast<float>(a * kernelWidth + b));
        const int shift = b - static_cast<int>(w.paddingWidth);
        for (int j = 0; j < static_cast<int>(r.pooled.width); j++) {
          const int column = j * stride + shift;
          if (column < 0 || column >= width) continue;
          float *to = gradients + (static_cast<size_t>(row) * width + column) * padded;
          const uint8_t *winners = index + static_cast<size_t>(j) * padded;
          for (int c = 0; c < channels; c += V::size) {
            const V gradient = V::load(gradM + j * r.gradM.stride + c);
            (V::load(to + c) + keepWhereEqual(V::loadBytes(winners + c), position, gradient)).store(to + c);
          }
        }
      }
    }
  }
}

template <class V, class T>
void conv2dMaxPoolGradWeight(const Context &ctx, const Conv2dMaxPoolGradWeightRecord &r, int chunk) {
  using P = Operand<T>;
  const Range images = part(r.in.images, chunk, r.chunks);
  const Prologued<V> prologue(ctx, r.prologue);
  const float *slope = ctx.at(r.slope), *intercept = ctx.at(r.intercept);
  const int height = r.out.height, width = r.out.width;
  const size_t inPixels = static_cast<size_t>(r.in.height) * r.in.width;
  const int channels = r.in.channels;
  const GradWeightPartial partial(ctx.at(r.partials) + chunk * gradWeightFloats(r, channels), r, channels, {0, channels});
  partial.clearWeights();
  partial.clearBias();
  const int outputs = partial.outputs;

  for (int n = images.begin; n < images.end; n++) {
    const T *x = ctx.at<T>(r.x, n, inPixels);
    for (int top = 0; top < height; top += r.stripRows) {
      const int rows = top + static_cast<int>(r.stripRows) <= height ? r.stripRows : height - top;
      const Strip strip = inputStrip(r, top, rows);
      const size_t rowFloats = static_cast<size_t>(width) * outputs;
      float *gradients = ctx.scratchFrom();
      P *scratch = ctx.scratchFrom<P>(rows * rowFloats), *inputs = scratch;
      [[maybe_unused]] const PairStrip pairs(r, r.in.channels, 1, rows, true);
      if constexpr (IN_PAIRS<P>) inputs = pairs.stripIn(scratch, partial);
      packStrip<V>(strip, inputs, [&](size_t pixel, int c) { return prologue.load(x + pixel * r.x.stride, c); });
      if (!slope) __builtin_memset(gradients, 0, rows * rowFloats * sizeof(float));
      for (int i = 0; slope && i < rows; i++)
        convolveStripRow<V>(ctx, r, strip, inputs, i, gradients + i * rowFloats, outputs,
                            [&](V y, int c) DENSOR_LAMBDA_INLINE {
                              return fma(V::load(slope + c), y, V::load(intercept + c));
                            });
      addAtWinners<V, T>(ctx, r, n, top, rows, gradients);
      const auto gradientAt = [&](size_t pixel, int o) DENSOR_LAMBDA_INLINE {
        return V::load(gradients + pixel * outputs + o);
      };
      if constexpr (IN_PAIRS<P>) sumTapsApart<V>(pairs, partial, r, strip, scratch, gradientAt);
      else {
        for (int p = 0; p < rows * width; p++)
          for (int o = 0; o < static_cast<int>(r.out.channels); o += V::size) partial.addToBias(gradientAt(p, o), o);
        sumGradWeight<V>(partial, r, strip, inputs, gradients, 1, rows, {false, false});
      }
    }
  }
}

}  // namespace densor
