// Packing: copies inputs (into strips) and weights (into panels) into the order in which the micro-kernel reads them.
// Packed data is =, and does not overlap its source. Unaligned addresses are allowed. No reduction.
#pragma once
#include "base/constant.h"
#include "base/context.h"
#include "base/transpose.h"
#include "conv/filter_runs.h"

namespace densor {

// A strip: `rows` × `columns` pixels of an image and its padding, [rows][columns][channels], with zeros outside the
// image. With dilation d, pixel (i, j) of the image is at (d·i, d·j), and there are zeros between pixels.
struct Strip {
  int height, width, channels; // of the image
  int dilationHeight, dilationWidth;
  int firstRow, firstColumn; // of the strip, in dilated image coordinates; may be negative
  int rows, columns;
  bool contiguous; // pixels are contiguous in memory and have no prologue coefficients: a row is packed as one vector

  size_t pitch() const { return static_cast<size_t>(columns) * channels; }
  // Without dilation: the columns that are not padding.
  Range columnsInside() const {
    const int first = firstColumn < 0 ? -firstColumn : 0, end = width - firstColumn;
    return {first < columns ? first : columns, end < columns ? end : columns};
  }
};

// The inputs of rows [top, top + rows) of a convolution's output.
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

// load(pixel, c) → V. Writes rows·columns·channels elements in ascending order and up to V::size − 1 after them, and
// then zeros that pad the last run.
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

// The columns of a matrix with `there` rows that are `stride` floats apart: calls take(i, V) for i in [0, count), with
// one lane per row, zero for missing rows. Reads up to V::size − 1 floats after a row.
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

// The panel that contains the vector of outputs from `first` on. Weights are packed into panels of
// V::tileBlocks·V::size outputs (the last may be narrower by whole vectors): [rows][width], where rows are taps ×
// depth, with zeros for missing outputs; bfloat16: [rows/2][width][2].
template <class V> struct Panel {
  int start, width; // first output of the panel, number of outputs
  int inside;       // outputs of the panel before the vector
  size_t block;     // offset of the panel, in elements

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

// Calls take(first, tap, d, V) with the weights of each vector of outputs from `first` on, each tap and each channel d
// of the depth; weight is [O, C, taps], multiplied by the `scale` of its output, if present. The taps of d are visited
// in ascending order, or descending if transposed. Transposed: outputs are C, depth is O, taps are reversed. Chunks
// divide the depth.
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
      // The weights of an output are contiguous: (depth, tap).
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

// Packs the weights of a convolution of feature maps of T into panels. Chunks divide the depth.
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
