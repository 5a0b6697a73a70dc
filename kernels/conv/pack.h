// Packing: what the micro-kernel reads, laid out the way it reads it.
#pragma once
#include "base/constant.h"
#include "base/context.h"
#include "base/transpose.h"
#include "conv/filter_runs.h"

namespace densor {

// A strip of an image as the convolution walks over it: pixels `rows` × `columns`, channels dense, zeros outside
// the image. With dilation d, image pixel (i, j) stands at (d·i, d·j) and zeros between.
struct Strip {
  int height, width, channels; // of the image
  int dilationHeight, dilationWidth;
  int firstRow, firstColumn; // of the strip, in dilated image coordinates; may be negative
  int rows, columns;
  bool contiguous; // pixels lie side by side in memory and are read as they are: rows are copied whole

  size_t pitch() const { return static_cast<size_t>(columns) * channels; }
  // Of a strip without dilation: the columns that are not padding.
  Range columnsInside() const {
    const int first = firstColumn < 0 ? -firstColumn : 0, end = width - firstColumn;
    return {first < columns ? first : columns, end < columns ? end : columns};
  }
};

// What rows [top, top + rows) of a convolution's output read of its input.
template <class Record> Strip inputStrip(const Record &r, int top, int rows) {
  const Window &w = r.window;
  return {.height = static_cast<int>(r.in.height),
          .width = static_cast<int>(r.in.width),
          .channels = static_cast<int>(r.in.channels),
          .dilationHeight = 1,
          .dilationWidth = 1,
          .firstRow = static_cast<int>(top * w.strideHeight) - static_cast<int>(w.paddingHeight),
          .firstColumn = -static_cast<int>(w.paddingWidth),
          .rows = static_cast<int>((rows - 1) * w.strideHeight + w.kernelHeight),
          .columns = static_cast<int>((r.out.width - 1) * w.strideWidth + w.kernelWidth),
          .contiguous = r.x.stride == r.in.channels && r.prologue.scale == NO_ADDRESS};
}

// load(pixel, c) → V. Writes rows·columns·channels numbers in ascending order and up to V::size − 1 behind them, then the
// zeros that pad the last pixel's depth.
template <class V, class P, class Load> void packStrip(const Strip &s, P *to, Load load) {
  for (int r = 0; r < s.rows; r++) {
    const int row = s.firstRow + r;
    const bool exists = row >= 0 && row % s.dilationHeight == 0 && row / s.dilationHeight < s.height;
    if (!exists) {
      __builtin_memset(to, 0, s.pitch() * sizeof(P));
      to += s.pitch();
      continue;
    }
    const size_t rowStart = static_cast<size_t>(row / s.dilationHeight) * s.width;
    if (s.contiguous) {
      const Range inside = s.columnsInside();
      const int begin = inside.begin * s.channels, end = inside.end * s.channels;
      __builtin_memset(to, 0, begin * sizeof(P));
      for (int k = begin; k < end; k += V::size) 
        storeOperand(load(rowStart + s.firstColumn + inside.begin, k - begin), to + k);
      __builtin_memset(to + end, 0, (s.pitch() - end) * sizeof(P));
      to += s.pitch();
      continue;
    }
    for (int j = 0; j < s.columns; j++, to += s.channels) {
      const int column = s.firstColumn + j;
      const bool there = column >= 0 && column < s.width * s.dilationWidth &&
                         (s.dilationWidth == 1 || column % s.dilationWidth == 0);
      if (there) {
        const size_t pixel = rowStart + (s.dilationWidth == 1 ? column : column / s.dilationWidth);
        for (int c = 0; c < s.channels; c += V::size) storeOperand(load(pixel, c), to + c);
      } else {
        __builtin_memset(to, 0, s.channels * sizeof(P));
      }
    }
  }
  zeroBehind(to);
}

// Columns of a matrix whose `there` rows lie `stride` apart: take(i, V of V::size rows, zero where there is none) for
// i in [0, count). Reads up to V::size − 1 floats behind a row.
template <class V, class Take>
DENSOR_INLINE void forColumns(const float *rows, size_t stride, int there, int count, Take take) {
  for (int first = 0; first < count; first += V::size) {
    V block[V::size];
    DENSOR_UNROLL for (int lane = 0; lane < V::size; lane++)
        block[lane] = lane < there ? V::load(rows + lane * stride + first) : V::splat(0);
    transpose(block);
    DENSOR_UNROLL for (int i = 0; i < V::size; i++)
      if (first + i < count) take(first + i, block[i]);
  }
}

// Where the panels of a block of V::tileBlocks·V::size outputs (the last may be narrower by whole vectors) lie: `rows`
// (taps × depth) of `width` each, zero where no output is; of bfloat16 numbers, rows in pairs. A vector of outputs from
// `first` on has its place in one of them.
template <class V> struct Panel {
  int start, width; // of the block
  int inside;       // outputs of the block before the vector
  size_t block;     // where it begins

  Panel(int first, int outputs, size_t rows) {
    constexpr int most = V::tileBlocks * V::size;
    static_assert(most <= PANEL_WIDTH);
    start = first / most * most;
    width = outputs - start < most ? roundUp(outputs - start, V::size) : most;
    inside = first - start;
    block = start * rows;
  }
  DENSOR_INLINE void put(float *packed, size_t row, V numbers) const {
    numbers.store(packed + block + row * width + inside);
  }
  DENSOR_INLINE void put(Bfloat16 *packed, size_t row, V numbers) const {
    Bfloat16 lanes[V::size];
    storeOperand(numbers, lanes);
    Bfloat16 *to = packed + block + ((row / 2) * width + inside) * 2 + row % 2;
    for (int i = 0; i < V::size; i++) to[2 * i] = lanes[i];
  }
};

// weight [O, C, taps], each output's times its `scale`, where there is one: take(first, tap, d, V) for every vector of outputs
// from `first` on, tap and channel d of the depth, d's taps one after another, ascending or (transposed) descending.
// Transposed: outputs are C, depth is O, taps reversed. Chunks cut the depth.
template <class V, class Record, class Take>
DENSOR_INLINE void forWeights(const Context &ctx, const Record &r, int taps, int chunk, Take take) {
  const int outputs = r.transposed ? r.inChannels : r.outChannels;
  const int depth = r.transposed ? r.outChannels : r.inChannels;
  const Range range = part(depth, chunk, r.chunks);
  const float *scale = ctx.at(r.scale);
  for (int first = 0; first < outputs; first += V::size) {
    const int there = outputs - first < V::size ? outputs - first : V::size;
    const V factor = scale ? loadFirst<V>(scale + first, there) : V::splat(1);
    const auto put = [&](int tap, int d, V weights) DENSOR_LAMBDA_INLINE {
      take(first, tap, d, scale ? factor * weights : weights);
    };
    if (!r.transposed) {
      // An output's weights lie side by side: (depth, tap).
      int tap = 0, d = range.begin;
      const float *weight = ctx.at(r.weight) + (static_cast<size_t>(first) * depth + range.begin) * taps;
      forColumns<V>(weight, static_cast<size_t>(depth) * taps, there, (range.end - range.begin) * taps,
                    [&](int, V weights) DENSOR_LAMBDA_INLINE {
                      put(tap, d, weights);
                      if (++tap == taps) tap = 0, d++;
                    });
      continue;
    }
    for (int d = range.begin; d < range.end; d++) {
      const float *weight = ctx.at(r.weight) + (static_cast<size_t>(d) * outputs + first) * taps;
      if (taps == 1) put(0, d, loadFirst<V>(weight, there));
      else
        forColumns<V>(weight, taps, there, taps,
                      [&](int tap, V weights) DENSOR_LAMBDA_INLINE { put(taps - 1 - tap, d, weights); });
    }
  }
}

// The panels of a convolution's weights, as maps of T will be multiplied with them. Chunks cut the depth.
template <class V, class T> void packWeightsFor(const Context &ctx, const PackWeightsRecord &r, int chunk) {
  using P = Operand<T>;
  const int taps = r.kernelHeight * r.kernelWidth;
  const int outputs = r.transposed ? r.inChannels : r.outChannels;
  const int depth = r.transposed ? r.outChannels : r.inChannels;
  const FilterRuns<P> runs(r.kernelHeight, r.kernelWidth, depth);
  P *packed = ctx.at<P>(r.packed);
  forWeights<V>(ctx, r, taps, chunk, [&](int first, int tap, int d, V weights) DENSOR_LAMBDA_INLINE {
    Panel<V>(first, outputs, runs.panelRows()).put(packed, runs.panelRow(tap, d), weights);
  });
  const int padded = packedDepth<P>(runs.depth);
  for (int first = 0; chunk == 0 && first < outputs; first += V::size)
    for (int run = 0; run < runs.count; run++)
      for (int k = runs.depth; k < padded; k++)
        Panel<V>(first, outputs, runs.panelRows()).put(packed, static_cast<size_t>(run) * padded + k, V::splat(0));
}

template <class V> void packWeights(const Context &ctx, const PackWeightsRecord &r, int chunk) {
  if (r.elementBytes == 2) packWeightsFor<V, Bfloat16>(ctx, r, chunk);
  else packWeightsFor<V, float>(ctx, r, chunk);
}

}  // namespace densor
