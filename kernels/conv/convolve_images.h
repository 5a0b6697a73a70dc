// Small maps: the rows of a register tile are images, not pixels, of which a row has too few to fill it. A strip holds
// whole images, each pixel's of all of them side by side, [pixel][image][channels], and no padding: taps that fall
// outside the map are left out (of nine, four are on a 2×2 map). Sums run over taps, then channels, ascending.
#pragma once
#include "conv/micro_kernel.h"
#include "conv/pack.h"

namespace densor {

// load(image, pixel, c) → V. Writes up to V::size − 1 floats behind the strip.
template <class V, class Load>
void packImages(int images, int pixels, int channels, float *to, Load load) {
  for (int p = 0; p < pixels; p++)
    for (int n = 0; n < images; n++, to += channels)
      for (int c = 0; c < channels; c += V::size) load(n, p, c).store(to + c);
}

// A convolution of stride 1 that keeps the map's size; `padding` of the rows and columns before the first.
struct SmallConvolution {
  int height, width, channels;
  int kernelHeight, kernelWidth, paddingHeight, paddingWidth;
  int outputs;
  const float *packed; // weights, as packWeights leaves them
};

inline SmallConvolution smallConvolution(const Size &map, const Window &w, int paddingHeight, int paddingWidth,
                                         int outputs, const float *packed) {
  return {.height = static_cast<int>(map.height),
          .width = static_cast<int>(map.width),
          .channels = static_cast<int>(map.channels),
          .kernelHeight = static_cast<int>(w.kernelHeight),
          .kernelWidth = static_cast<int>(w.kernelWidth),
          .paddingHeight = paddingHeight,
          .paddingWidth = paddingWidth,
          .outputs = outputs,
          .packed = packed};
}

// epilogue(tile, pixel, firstImage, firstOutput) receives V[R][B] in registers: rows are images.
template <class V, class Epilogue>
void convolveImages(const SmallConvolution &conv, const float *strip, int images, Epilogue epilogue) {
  const int depth = conv.channels, taps = conv.kernelHeight * conv.kernelWidth;
  for (int o = 0; o < conv.outputs; o += V::tileBlocks * V::size) {
    const float *panel = conv.packed + static_cast<size_t>(o) * taps * depth;
    const int vectors = (conv.outputs - o + V::size - 1) / V::size;
    for (int pixel = 0; pixel < conv.height * conv.width; pixel++) {
      const int top = pixel / conv.width - conv.paddingHeight, left = pixel % conv.width - conv.paddingWidth;
      forTiles(images, V::tileRows, [&](int first, int rowsOfTile) {
        withTile<V>(rowsOfTile, vectors, [&]<int R, int B>() DENSOR_LAMBDA_INLINE {
          V tile[R][B];
          DENSOR_UNROLL for (int r = 0; r < R; r++) DENSOR_UNROLL for (int b = 0; b < B; b++) tile[r][b] = V::splat(0);
          for (int t = 0; t < taps; t++) {
            const int row = top + t / conv.kernelWidth, column = left + t % conv.kernelWidth;
            if (row < 0 || row >= conv.height || column < 0 || column >= conv.width) continue;
            const float *from = strip + (static_cast<size_t>(row * conv.width + column) * images + first) * depth;
            multiplyAdd<V, R, B>(tile, from, depth, 1, panel + static_cast<size_t>(t) * depth * B * V::size, B * V::size,
                                 depth);
          }
          epilogue(tile, pixel, first, o);
        });
      });
    }
  }
}

}  // namespace densor
