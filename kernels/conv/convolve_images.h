// Small maps: the rows of a register tile are images, not pixels, of which a row has too few to fill it. A strip holds
// whole images, each pixel's of all of them side by side, [pixel][image][channels], and no padding: taps that fall
// outside the map are left out (of nine, four are on a 2×2 map). Sums run over taps, then channels, ascending. A tap is a
// run: filters of few channels whose rows are padded (filter_runs.h) do not come here.
#pragma once
#include "conv/micro_kernel.h"
#include "conv/pack.h"

namespace densor {

// load(image, pixel, c) → V. Writes up to V::size − 1 numbers behind the strip, then the zeros that pad its depth.
template <class V, class P, class Load>
void packImages(int images, int pixels, int channels, P *to, Load load) {
  for (int p = 0; p < pixels; p++)
    for (int n = 0; n < images; n++, to += channels)
      for (int c = 0; c < channels; c += V::size) storeOperand(load(n, p, c), to + c);
  zeroBehind(to);
}

// A convolution of stride 1 that keeps the map's size; `padding` of the rows and columns before the first.
template <class P> struct SmallConvolution {
  int height, width, channels;
  int kernelHeight, kernelWidth, paddingHeight, paddingWidth;
  int outputs;
  const P *packed; // weights, as packWeights leaves them

  SmallConvolution(const Size &map, const Window &w, int paddingHeight, int paddingWidth, int outputs, const P *packed)
      : height(map.height), width(map.width), channels(map.channels), kernelHeight(w.kernelHeight),
        kernelWidth(w.kernelWidth), paddingHeight(paddingHeight), paddingWidth(paddingWidth), outputs(outputs),
        packed(packed) {}
};

// epilogue(tile, pixel, firstImage, firstOutput) receives V[R][B] in registers: rows are images.
template <class V, class P, class Epilogue>
void convolveImages(const SmallConvolution<P> &conv, const P *strip, int images, Epilogue epilogue) {
  const int depth = conv.channels, taps = conv.kernelHeight * conv.kernelWidth;
  for (int o = 0; o < conv.outputs; o += V::tileBlocks * V::size) {
    const P *panel = conv.packed + static_cast<size_t>(o) * taps * packedDepth<P>(depth);
    const int vectors = (conv.outputs - o + V::size - 1) / V::size;
    for (int pixel = 0; pixel < conv.height * conv.width; pixel++) {
      const int top = pixel / conv.width - conv.paddingHeight, left = pixel % conv.width - conv.paddingWidth;
      forProductRows<V, P>(images, [&](int first, int rows) {
        const auto tapsInside = [&](auto add) DENSOR_LAMBDA_INLINE {
          for (int t = 0; t < taps; t++) {
            const int row = top + t / conv.kernelWidth, column = left + t % conv.kernelWidth;
            if (row < 0 || row >= conv.height || column < 0 || column >= conv.width) continue;
            add(t, strip + (static_cast<size_t>(row * conv.width + column) * images + first) * depth);
          }
        };
        multiplyRuns<V>(rows, vectors, depth, panel, depth, tapsInside,
                        [&]<int R, int B>(V(&tile)[R][B], int image) DENSOR_LAMBDA_INLINE {
                          epilogue(tile, pixel, first + image, o);
                        });
      });
    }
  }
}

}  // namespace densor
