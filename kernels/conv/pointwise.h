// y = relu?(W·prologue(x) + bias) for each pixel independently: a 1×1 convolution with stride 1, or a linear layer. The
// pixels of all rows and images are treated as one long row. float32 inputs without a prologue are read in place, not
// packed. x and y may be slices of one buffer that do not overlap. Unaligned addresses are allowed. Order of reduction:
// channels ascending.
#pragma once
#include "base/prologue.h"
#include "conv/conv2d.h"

namespace densor {

// Elements from one packed pixel to the next: never a multiple of PITCH_APART_BYTES, because the rows of a tile would
// then map to few cache sets.
template <class P = float> DENSOR_INLINE int packedPitch(int channels) {
  constexpr int line = ALIGNMENT_BYTES / sizeof(P), apart = PITCH_APART_BYTES / sizeof(P);
  return channels % apart == 0 ? channels + line : channels;
}

template <class V, class T> void pointwise(const Context &ctx, const PointwiseRecord &r, int chunk) {
  using P = Operand<T>;
  constexpr int panel = V::tileBlocks * V::size;
  const int channels = r.inChannels, outputChunks = r.outputChunks;
  const Range pixels = part(r.pixels, chunk / outputChunks, r.chunks / outputChunks);
  const Range panels = part((static_cast<int>(r.outChannels) + panel - 1) / panel, chunk % outputChunks, outputChunks);
  const int firstOutput = panels.begin * panel;
  const int end = panels.end * panel < static_cast<int>(r.outChannels) ? panels.end * panel : r.outChannels;
  if (end <= firstOutput) return;
  const int outputs = end - firstOutput;
  const Prologued<V> prologue(ctx, r.prologue);
  const Activation<V> activation{r.relu != 0};
  const bool packs = sizeof(T) != sizeof(float) || prologue.scale || prologue.relu;
  const FilterRuns<P> runs(1, 1, channels);
  const P *weights = ctx.at<P>(r.packed) + static_cast<size_t>(firstOutput) * runs.panelRows();
  const float *bias = ctx.at(r.bias) ? ctx.at(r.bias) + firstOutput : nullptr;
  const int pitch = packs ? packedPitch<P>(channels) : static_cast<int>(r.x.stride);
  P *strip = ctx.scratchFrom<P>();

  for (int p = pixels.begin; p < pixels.end; p += r.stripPixels) {
    const int count = p + static_cast<int>(r.stripPixels) <= pixels.end ? r.stripPixels : pixels.end - p;
    const T *x = ctx.at<T>(r.x, p, 1);
    T *y = ctx.at<T>(r.y, p, 1) + firstOutput;
    const P *inputs = strip;
    if constexpr (sizeof(T) == sizeof(float))
      if (!packs) inputs = x;
    for (int i = 0; packs && i < count; i++)
      for (int c = 0; c < channels; c += V::size)
        storeOperand(prologue.loadAhead(x + i * static_cast<size_t>(r.x.stride), c, r.x.stride),
                     strip + static_cast<size_t>(i) * pitch + c);
    if (packs) zeroBehind(strip + static_cast<size_t>(count - 1) * pitch + channels);
    convolveRow<V>(inputs, pitch, count, runs, weights, outputs,
                   [&]<int R, int B>(V(&tile)[R][B], int first, int o) DENSOR_LAMBDA_INLINE {
                     DENSOR_UNROLL for (int b = 0; b < B; b++) {
                       const int c = o + b * V::size;
                       const V shift = bias ? loadFirst<V>(bias + c, outputs - c) : V::splat(0);
                       DENSOR_UNROLL for (int k = 0; k < R; k++)
                           storeFirst(activation(tile[k][b] + shift, c),
                                      y + static_cast<size_t>(first + k) * r.y.stride + c, outputs - c);
                     }
                   });
  }
}

}  // namespace densor
