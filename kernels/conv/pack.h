// Packing: what the micro-kernel reads, laid out the way it reads it.
#pragma once
#include "base/constant.h"
#include "base/context.h"

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

// load(pixel, c) → V. Writes rows·columns·channels floats in ascending order and up to V::size − 1 behind them.
template <class V, class Load> void packStrip(const Strip &s, float *to, Load load) {
  for (int r = 0; r < s.rows; r++) {
    const int row = s.firstRow + r;
    const bool exists = row >= 0 && row % s.dilationHeight == 0 && row / s.dilationHeight < s.height;
    if (!exists) {
      __builtin_memset(to, 0, s.pitch() * sizeof(float));
      to += s.pitch();
      continue;
    }
    const size_t rowStart = static_cast<size_t>(row / s.dilationHeight) * s.width;
    if (s.contiguous) {
      const Range inside = s.columnsInside();
      const int begin = inside.begin * s.channels, end = inside.end * s.channels;
      __builtin_memset(to, 0, begin * sizeof(float));
      for (int k = begin; k < end; k += V::size) load(rowStart + s.firstColumn + inside.begin, k - begin).store(to + k);
      __builtin_memset(to + end, 0, (s.pitch() - end) * sizeof(float));
      to += s.pitch();
      continue;
    }
    for (int j = 0; j < s.columns; j++, to += s.channels) {
      const int column = s.firstColumn + j;
      const bool there = column >= 0 && column < s.width * s.dilationWidth &&
                         (s.dilationWidth == 1 || column % s.dilationWidth == 0);
      if (there) {
        const size_t pixel = rowStart + (s.dilationWidth == 1 ? column : column / s.dilationWidth);
        for (int c = 0; c < s.channels; c += V::size) load(pixel, c).store(to + c);
      } else {
        __builtin_memset(to, 0, s.channels * sizeof(float));
      }
    }
  }
}

// weight [O, C, kH, kW] → for each block of V::tileBlocks·V::size outputs (the last may be narrower by whole
// vectors), [kH·kW][depth][width], zero where no output is; each output's times its `scale`, where there is one. Transposed: outputs are C, depth is O, taps reversed.
// Chunks cut the depth; some of it at a time, `count` taps from `tap` on, is turned over in a buffer, so that weights are
// read along their rows. The usual counts are known to the compiler (a third of the time).
constexpr int mostTaps = 64;

template <class V, class Count>
void packTaps(const Context &ctx, const PackWeightsRecord &r, Range range, int tap, Count count) {
  constexpr int block = V::tileBlocks * V::size;
  const int taps = r.kernelHeight * r.kernelWidth, step = mostTaps / count;
  const int outputs = r.transposed ? r.inChannels : r.outChannels;
  const int depth = r.transposed ? r.outChannels : r.inChannels;
  // Floats from one output's weights to the next one's, from one depth to the next, from one tap to the next.
  const size_t outputStride = static_cast<size_t>(taps) * (r.transposed ? 1 : depth);
  const size_t depthStride = static_cast<size_t>(taps) * (r.transposed ? outputs : 1);
  const ptrdiff_t tapStride = r.transposed ? -1 : 1;
  const float *scale = ctx.at(r.scale);
  const float *weight = ctx.at(r.weight) + (r.transposed ? taps - 1 - tap : tap);
  float turned[mostTaps * block];
  for (int first = 0; first < outputs; first += block) {
    const int there = outputs - first < block ? outputs - first : block, width = roundUp(there, V::size);
    float *panel = ctx.at(r.packed) + (static_cast<size_t>(first) * taps + static_cast<size_t>(tap) * width) * depth;
    if (there < width) __builtin_memset(turned, 0, sizeof turned);
    for (int d = range.begin; d < range.end; d += step) {
      const int depths = range.end - d < step ? range.end - d : step;
      for (int lane = 0; lane < there; lane++) {
        const float factor = scale ? scale[first + lane] : 1;
        for (int i = 0; i < depths; i++) {
          const float *from = weight + (first + lane) * outputStride + (d + i) * depthStride;
          forEach(count, [&](int t) DENSOR_LAMBDA_INLINE { turned[(i * count + t) * block + lane] = factor * from[t * tapStride]; });
        }
      }
      for (int i = 0; i < depths; i++)
        forEach(count, [&](int t) DENSOR_LAMBDA_INLINE {
          float *to = panel + (static_cast<size_t>(t) * depth + d + i) * width;
          for (int lane = 0; lane < width; lane += V::size)
            V::load(turned + (i * count + t) * block + lane).store(to + lane);
        });
    }
  }
}

template <class V> void packWeights(const Context &ctx, const PackWeightsRecord &r, int chunk) {
  const int taps = r.kernelHeight * r.kernelWidth;
  const Range range = part(r.transposed ? r.outChannels : r.inChannels, chunk, r.chunks);
  if (taps == 1) return packTaps<V>(ctx, r, range, 0, Constant<1>{});
  if (taps == 9) return packTaps<V>(ctx, r, range, 0, Constant<9>{});
  for (int tap = 0; tap < taps; tap += mostTaps)
    packTaps<V>(ctx, r, range, tap, taps - tap < mostTaps ? taps - tap : mostTaps);
}

}  // namespace densor
