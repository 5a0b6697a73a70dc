// Convolutions of small feature maps, whose rows have too few pixels to fill a register tile: the rows of a tile are
// the same pixel of several images. A strip contains whole images without padding, as [pixel][image][channels]. Taps
// outside the map are skipped (on a 2×2 map, five of nine). Each tap is one run, so filters with few channels, whose
// rows are padded as a whole (filter_runs.h), do not use this. Order of reduction: taps, then channels, ascending.
#pragma once
#include "conv/micro_kernel.h"
#include "conv/pack.h"

namespace densor {

// Packs a strip; load(image, pixel, c) → V. Writes up to V::size − 1 elements after the strip, and zeros that pad its
// last run.
template <class V, class P, class Load>
void packImages(int images, int pixels, int channels, P *to, Load load) {
  for (int p = 0; p < pixels; p++)
    for (int n = 0; n < images; n++, to += channels)
      for (int c = 0; c < channels; c += V::size) storeOperand(load(n, p, c), to + c);
  zeroBehind(to);
}

// A convolution with stride 1 whose output has the size of its input; padding: that at the top and left.
template <class P> struct SmallConvolution {
  int height, width, channels;
  int kernelHeight, kernelWidth, paddingHeight, paddingWidth;
  int outputs;
  const P *packed; // weights packed by packWeights

  SmallConvolution(const Size &map, const Window &w, int paddingHeight, int paddingWidth, int outputs, const P *packed)
      : height(map.height), width(map.width), channels(map.channels), kernelHeight(w.kernelHeight),
        kernelWidth(w.kernelWidth), paddingHeight(paddingHeight), paddingWidth(paddingWidth), outputs(outputs),
        packed(packed) {}
};

// epilogue(tile, pixel, firstImage, firstOutput) receives V[R][B] in registers; rows are images.
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
