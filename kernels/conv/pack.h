// Packing: what the micro-kernel reads, laid out the way it reads it.
#pragma once
#include "base/context.h"

namespace densor {

// A strip of an image as the convolution walks over it: pixels `rows` × `columns`, channels dense, zeros outside
// the image. With dilation d, image pixel (i, j) stands at (d·i, d·j) and zeros between.
struct Strip {
  int height, width, channels; // of the image
  int dilationHeight, dilationWidth;
  int firstRow, firstColumn; // of the strip, in dilated image coordinates; may be negative
  int rows, columns;

  size_t pitch() const { return static_cast<size_t>(columns) * channels; }
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
          .columns = static_cast<int>((r.out.width - 1) * w.strideWidth + w.kernelWidth)};
}

// load(pixel, c) → V. Writes rows·columns·channels floats in ascending order and up to V::size − 1 behind them.
template <class V, class Load> void packStrip(const Strip &s, float *to, Load load) {
  for (int r = 0; r < s.rows; r++) {
    const int row = s.firstRow + r;
    const bool inside = row >= 0 && row % s.dilationHeight == 0 && row / s.dilationHeight < s.height;
    if (!inside) {
      __builtin_memset(to, 0, s.pitch() * sizeof(float));
      to += s.pitch();
      continue;
    }
    const size_t rowStart = static_cast<size_t>(row / s.dilationHeight) * s.width;
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
// vectors), [kH·kW][depth][width], zero where no output is. Transposed: outputs are C, depth is O, taps reversed.
// Chunks cut the depth; some of it at a time is turned over in a buffer, so that weights are read along their rows.
template <class V> void packWeights(const Context &ctx, const PackWeightsRecord &r, int chunk) {
  constexpr int block = V::tileBlocks * V::size, most = 64;
  const int taps = r.kernelHeight * r.kernelWidth;
  const int outputs = r.transposed ? r.inChannels : r.outChannels;
  const int depth = r.transposed ? r.outChannels : r.inChannels;
  // Floats from one output's weights to the next one's, from one depth to the next.
  const size_t outputStride = static_cast<size_t>(taps) * (r.transposed ? 1 : depth);
  const size_t depthStride = static_cast<size_t>(taps) * (r.transposed ? outputs : 1);
  const float *weight = ctx.at(r.weight);
  const Range range = part(depth, chunk, r.chunks);
  float turned[block * most];
  for (int first = 0; first < outputs; first += block) {
    const int there = outputs - first < block ? outputs - first : block;
    const int width = roundUp(there, V::size);
    float *panel = ctx.at(r.packed) + static_cast<size_t>(first) * taps * depth;
    for (int d = range.begin; d < range.end; d++)
      for (int t = 0; t < taps; t += most) {
        const int count = taps - t < most ? taps - t : most;
        const float *from = weight + first * outputStride + d * depthStride;
        for (int lane = 0; lane < width; lane++)
          for (int k = 0; k < count; k++)
            turned[k * block + lane] = lane < there ? from[lane * outputStride + (r.transposed ? taps - 1 - t - k : t + k)] : 0;
        for (int k = 0; k < count; k++)
          __builtin_memcpy(panel + (static_cast<size_t>(t + k) * depth + d) * width, turned + k * block,
                           width * sizeof(float));
      }
  }
}

}  // namespace densor
