// Max and average pooling of prologue(x) (y =), and their gradients (= or +=). Max pooling stores for each output the
// position of the maximum in its window (the first maximum in row order; the first NaN, if any) and ignores padding;
// average pooling counts padding as zeros. x and y may be slices of one buffer that do not overlap; the gradient of x
// may overwrite x (base/grad_input.h). Unaligned addresses are allowed. Order of reduction: an average sums its window
// by rows, then columns; the gradient of an input pixel sums over the windows that cover it, ascending (rows, then
// columns).
#pragma once
#include "base/grad_input.h"
#include "base/prologue.h"
#include "base/statistics.h"

namespace densor {

// Limit on the positions of a window: an index is stored as one byte.
constexpr int mostPositions = 256;

// The rows (or columns) of a window that are inside the feature map, for one output coordinate.
DENSOR_INLINE Range insideWindow(int out, int stride, int padding, int kernel, int size) {
  const int start = out * stride - padding;
  return {start < 0 ? -start : 0, start + kernel > size ? size - start : kernel};
}

// The outputs whose windows cover one input coordinate.
DENSOR_INLINE Range coveringOutputs(int in, int stride, int padding, int kernel, int outputs) {
  const int last = (in + padding) / stride;
  const int before = in + padding - kernel;
  return {before < 0 ? 0 : before / stride + 1, last + 1 < outputs ? last + 1 : outputs};
}

// Calls row(image, i, y) for each row of outputs, to compute it; then adds the row to the statistics.
template <class V, class T, class Record, class Row>
void forOutputRows(const Context &ctx, const Record &r, int chunk, Row row) {
  const Cut work = cut(r.out.images, r.out.height, chunk, r.chunks);
  const Range images = work.images;
  const int channels = r.out.channels, width = r.out.width;
  const size_t outPixels = static_cast<size_t>(r.out.height) * width;
  float *statistics = statisticsPartial(ctx, r.statistics, chunk, channels);
  int gathered = 0;
  for (int n = images.begin; n < images.end; n++)
    for (int i = work.rows.begin; i < work.rows.end; i++) {
      T *y = ctx.at<T>(r.y, n, outPixels) + static_cast<size_t>(i) * width * r.y.stride;
      row(n, i, y);
      if (statistics) gatherStatistics<V>(y, r.y.stride, width, channels, statistics, gathered);
      gathered += width;
    }
}

// Row i of the outputs of a max pool, pixels `stride` apart, and the positions of the maxima (index; may be null).
// rowAt(row): the first pixel of a row of the input, whose pixels are `inStride` apart; load(pixel, c) → V;
// rank(value, c): the key that is maximized.
template <class V, class T, class RowAt, class Load, class Rank>
void maxPoolRow(const Window &w, const Size &in, const Size &out, int i, T *y, size_t stride, uint8_t *index,
                size_t inStride, RowAt rowAt, Load load, Rank rank) {
  const int channels = in.channels, kernelWidth = w.kernelWidth;
  const Range kernelRows = insideWindow(i, w.strideHeight, w.paddingHeight, w.kernelHeight, in.height);
  decltype(rowAt(0)) rows[mostPositions];
  for (int a = kernelRows.begin; a < kernelRows.end; a++)
    rows[a] = rowAt(static_cast<int>(i * w.strideHeight) - static_cast<int>(w.paddingHeight) + a);
  for (int j = 0; j < static_cast<int>(out.width); j++) {
    const Range kernelColumns = insideWindow(j, w.strideWidth, w.paddingWidth, kernelWidth, in.width);
    const ptrdiff_t corner = (static_cast<ptrdiff_t>(j * w.strideWidth) - w.paddingWidth) * inStride;
    for (int c = 0; c < channels; c += V::size) {
      // Initialized with the first position.
      V best = load(rows[kernelRows.begin] + corner + kernelColumns.begin * inStride, c), bestRank = rank(best, c);
      V at = V::splat(static_cast<float>(kernelRows.begin * kernelWidth + kernelColumns.begin));
      for (int a = kernelRows.begin; a < kernelRows.end; a++) {
        V position = V::splat(static_cast<float>(a * kernelWidth + kernelColumns.begin));
        auto pixel = rows[a] + corner + kernelColumns.begin * inStride;
        for (int b = kernelColumns.begin; b < kernelColumns.end; b++, pixel += inStride) {
          const V value = load(pixel, c), itsRank = rank(value, c);
          at = selectGreater(itsRank, bestRank, position, at);
          best = selectGreater(itsRank, bestRank, value, best);
          bestRank = selectGreater(itsRank, bestRank, itsRank, bestRank);
          position = position + V::splat(1);
        }
      }
      storeFirst(best, y + j * stride + c, channels - c);
      if (index) at.storeBytes(index + static_cast<size_t>(j) * paddedChannels(channels) + c);
    }
  }
}

// The same without positions, where the key is the value itself.
template <class V, class T, class RowAt, class Load>
void greatestRow(const Window &w, const Size &in, const Size &out, int i, T *y, size_t stride, size_t inStride,
                 RowAt rowAt, Load load) {
  const int channels = in.channels;
  const Range kernelRows = insideWindow(i, w.strideHeight, w.paddingHeight, w.kernelHeight, in.height);
  for (int j = 0; j < static_cast<int>(out.width); j++) {
    const Range kernelColumns = insideWindow(j, w.strideWidth, w.paddingWidth, w.kernelWidth, in.width);
    const int firstRow = static_cast<int>(i * w.strideHeight) - static_cast<int>(w.paddingHeight);
    const ptrdiff_t corner = (static_cast<ptrdiff_t>(j * w.strideWidth) - w.paddingWidth) * inStride;
    for (int c = 0; c < channels; c += V::size) {
      V best = load(rowAt(firstRow + kernelRows.begin) + corner + kernelColumns.begin * inStride, c);
      for (int a = kernelRows.begin; a < kernelRows.end; a++) {
        const auto *row = rowAt(firstRow + a) + corner;
        for (int b = kernelColumns.begin; b < kernelColumns.end; b++) {
          const V value = load(row + b * inStride, c);
          best = selectGreater(value, best, value, best);
        }
      }
      storeFirst(best, y + j * stride + c, channels - c);
    }
  }
}

// Row i of the stored positions of an image; null if positions are not stored.
DENSOR_INLINE uint8_t *indexRow(const Context &ctx, Address index, const Size &out, int image, int i) {
  uint8_t *first = ctx.at<uint8_t>(index);
  const size_t pixel = (static_cast<size_t>(image) * out.height + i) * out.width;
  return first ? first + pixel * paddedChannels(out.channels) : nullptr;
}

template <class V, class T> void maxPool(const Context &ctx, const MaxPoolRecord &r, int chunk) {
  const Prologued<V> prologue(ctx, r.prologue);
  const int inWidth = r.in.width;
  const size_t inPixels = static_cast<size_t>(r.in.height) * inWidth;
  forOutputRows<V, T>(ctx, r, chunk, [&](int n, int i, T *y) {
    const T *x = ctx.at<T>(r.x, n, inPixels);
    const auto rowAt = [&](int row) { return x + static_cast<size_t>(row) * inWidth * r.x.stride; };
    const auto load = [&](const T *pixel, int c) DENSOR_LAMBDA_INLINE { return prologue.load(pixel, c); };
    if (r.index == NO_ADDRESS) return greatestRow<V>(r.window, r.in, r.out, i, y, r.y.stride, r.x.stride, rowAt, load);
    maxPoolRow<V>(r.window, r.in, r.out, i, y, r.y.stride, indexRow(ctx, r.index, r.out, n, i), r.x.stride, rowAt, load,
                  [](V value, int) DENSOR_LAMBDA_INLINE { return value; });
  });
}

template <class V, class T> void avgPool(const Context &ctx, const AvgPoolRecord &r, int chunk) {
  const Prologued<V> prologue(ctx, r.prologue);
  const Window &w = r.window;
  const int channels = r.in.channels, inWidth = r.in.width;
  const size_t inPixels = static_cast<size_t>(r.in.height) * inWidth;
  const V weight = V::splat(1.0f / static_cast<float>(w.kernelHeight * w.kernelWidth));
  forOutputRows<V, T>(ctx, r, chunk, [&](int n, int i, T *y) {
    const T *x = ctx.at<T>(r.x, n, inPixels);
    const Range kernelRows = insideWindow(i, w.strideHeight, w.paddingHeight, w.kernelHeight, r.in.height);
    for (int j = 0; j < static_cast<int>(r.out.width); j++) {
      const Range kernelColumns = insideWindow(j, w.strideWidth, w.paddingWidth, w.kernelWidth, inWidth);
      for (int c = 0; c < channels; c += V::size) {
        V sum = V::splat(0);
        for (int a = kernelRows.begin; a < kernelRows.end; a++)
          for (int b = kernelColumns.begin; b < kernelColumns.end; b++) {
            const int row = i * w.strideHeight - w.paddingHeight + a, column = j * w.strideWidth - w.paddingWidth + b;
            sum = sum + prologue.load(x + (static_cast<size_t>(row) * inWidth + column) * r.x.stride, c);
          }
        storeFirst(sum * weight, y + j * r.y.stride + c, channels - c);
      }
    }
  });
}

// For each input pixel, du = Σ take(outPixel, position, c, gradient of the output) over the outputs whose windows cover
// it; `position` is that of the input pixel in the window.
template <class V, class T, class Record, class Take>
void gatherGradient(const Context &ctx, const Record &r, int chunk, Take take) {
  const Range images = part(r.in.images, chunk, r.chunks);
  const Window &w = r.window;
  const InputGradient<V> end(ctx, r.prologue, r.x, r.gradInput, r.in.channels, chunk);
  const int width = r.in.width, outWidth = r.out.width;
  const size_t inPixels = static_cast<size_t>(r.in.height) * width;
  const size_t outPixels = static_cast<size_t>(r.out.height) * outWidth;
  for (int n = images.begin; n < images.end; n++) {
    const Corrected<V, T> gradOutput(ctx, r.gradOutput, n, outPixels);
    for (int i = 0; i < static_cast<int>(r.in.height); i++) {
      const Range outRows = coveringOutputs(i, w.strideHeight, w.paddingHeight, w.kernelHeight, r.out.height);
      const size_t row = static_cast<size_t>(i) * width;
      const T *x = ctx.at<T>(r.x, n, inPixels) + row * r.x.stride;
      T *gradient = ctx.at<T>(r.gradInput.gradient, n, inPixels) + row * r.gradInput.gradient.stride;
      for (int c = 0; c < end.channels; c += V::size)
        end.apply(x, gradient, c, width, [&](int j) {
          const Range outColumns = coveringOutputs(j, w.strideWidth, w.paddingWidth, w.kernelWidth, outWidth);
          V du = V::splat(0);
          for (int p = outRows.begin; p < outRows.end; p++)
            for (int q = outColumns.begin; q < outColumns.end; q++) {
              const int a = i + w.paddingHeight - p * w.strideHeight, b = j + w.paddingWidth - q * w.strideWidth;
              const size_t outPixel = static_cast<size_t>(p) * outWidth + q;
              const int position = a * static_cast<int>(w.kernelWidth) + b;
              du = du + take(n * outPixels + outPixel, position, c, gradOutput.load(outPixel, c));
            }
          return du;
        });
    }
  }
}

template <class V, class T> void maxPoolGradInput(const Context &ctx, const MaxPoolGradInputRecord &r, int chunk) {
  const uint8_t *index = ctx.at<uint8_t>(r.index);
  const int padded = paddedChannels(r.in.channels);
  gatherGradient<V, T>(ctx, r, chunk, [&](size_t outPixel, int position, int c, V gradient) {
    if (!index) return gradient;
    const V winner = V::loadBytes(index + outPixel * padded + c);
    return keepWhereEqual(winner, V::splat(static_cast<float>(position)), gradient);
  });
}

template <class V, class T> void avgPoolGradInput(const Context &ctx, const AvgPoolGradInputRecord &r, int chunk) {
  const V weight = V::splat(1.0f / static_cast<float>(r.window.kernelHeight * r.window.kernelWidth));
  gatherGradient<V, T>(ctx, r, chunk, [&](size_t, int, int, V gradient) { return gradient * weight; });
}

}  // namespace densor
