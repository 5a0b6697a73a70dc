// Where the gradient of a convolution's weights is summed by those who share the work.
#pragma once
#include "base/prologue.h"
#include "conv/pack.h"

namespace densor {

// Where a chunk sums, emptied: the rows of its channels, and the bias's where it has the first of them.
struct GradWeightPartial {
  float *weights, *bias;
  int outputs; // floats of a row
  int channels, kernelWidth;
  Range slice; // of the channels
  // With all channels a kernel row's (column, channel) pairs lie side by side in a strip and in the partial; with a
  // slice of them, the channels of one tap do.
  int runs, length;

  template <class Record>
  GradWeightPartial(const Context &ctx, const Record &r, int index, Range slice)
      : outputs(paddedChannels(r.out.channels)), channels(r.in.channels), kernelWidth(r.window.kernelWidth), slice(slice) {
    const int taps = static_cast<int>(r.window.kernelHeight) * kernelWidth, sliced = slice.end - slice.begin;
    const size_t size = static_cast<size_t>(taps) * channels * outputs;
    weights = ctx.at(r.partials) + index * (size + outputs);
    bias = slice.begin == 0 ? weights + size : nullptr;
    runs = isWhole() ? static_cast<int>(r.window.kernelHeight) : taps;
    length = isWhole() ? kernelWidth * channels : sliced;
    for (int k = 0; k < runs; k++) __builtin_memset(run(k), 0, static_cast<size_t>(length) * outputs * sizeof(float));
    if (bias) __builtin_memset(bias, 0, outputs * sizeof(float));
  }

  bool isWhole() const { return slice.end - slice.begin == channels; }
  float *run(int k) const {
    return weights + static_cast<size_t>(isWhole() ? k * length : k * channels + slice.begin) * outputs;
  }
  // Where a run's inputs begin in a strip of the slice's channels.
  const float *inputs(const Strip &strip, const float *packed, int k) const {
    if (isWhole()) return packed + k * strip.pitch();
    return packed + k / kernelWidth * strip.pitch() + k % kernelWidth * strip.channels;
  }
  template <class V> DENSOR_INLINE void addToBias(V gradient, int o) const {
    if (bias) (V::load(bias + o) + gradient).store(bias + o);
  }
};

}  // namespace densor
