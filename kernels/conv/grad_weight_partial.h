// The layout of a partial of a convolution's weight gradient: [kH·kW·C + 1][paddedChannels(O)].
#pragma once
#include "base/prologue.h"
#include "conv/pack.h"

namespace densor {

// Floats of a partial with `channels` input channels; its last row is the bias gradient.
template <class Record> size_t gradWeightFloats(const Record &r, int channels) {
  const size_t taps = static_cast<size_t>(r.window.kernelHeight) * r.window.kernelWidth;
  return (taps * channels + 1) * paddedChannels(r.out.channels);
}

// The destination of a leaf's sums: the rows of a slice of the partial's input channels, and optionally the bias row.
struct GradWeightPartial {
  float *weights, *bias;
  int outputs; // floats of a row
  int channels, kernelWidth;
  Range slice; // of the input channels
  // Runs of rows that are contiguous both in a strip and in the partial: with all channels, (column, channel) of a
  // kernel row; with a slice of them, the channels of one tap. `length`: rows of a run.
  int runs, length;
  // Offset in floats of the left neighbour in the tree of sums. If not 0, the last strip adds its results there instead
  // of storing them here.
  ptrdiff_t toLeft = 0;

  template <class Record>
  GradWeightPartial(float *at, const Record &r, int channels, Range slice, bool hasBias)
      : weights(at), outputs(paddedChannels(r.out.channels)), channels(channels), kernelWidth(r.window.kernelWidth),
        slice(slice) {
    const int taps = static_cast<int>(r.window.kernelHeight) * kernelWidth;
    bias = hasBias ? weights + static_cast<size_t>(taps) * channels * outputs : nullptr;
    runs = isWhole() ? static_cast<int>(r.window.kernelHeight) : taps;
    length = isWhole() ? kernelWidth * channels : slice.end - slice.begin;
  }
  template <class Record>
  GradWeightPartial(float *at, const Record &r, int channels, Range slice)
      : GradWeightPartial(at, r, channels, slice, slice.begin == 0) {}

  void clearWeights() const {
    for (int k = 0; k < runs; k++) __builtin_memset(run(k), 0, static_cast<size_t>(length) * outputs * sizeof(float));
  }
  void clearBias() const {
    if (bias) __builtin_memset(bias, 0, outputs * sizeof(float));
  }

  // Floats of the weights of a partial that contains only the slice.
  size_t floats() const { return static_cast<size_t>(runs) * length * outputs; }
  bool isWhole() const { return slice.end - slice.begin == channels; }
  float *run(int k) const {
    return weights + static_cast<size_t>(isWhole() ? k * length : k * channels + slice.begin) * outputs;
  }
  // The first input of run k in a strip of the slice's channels.
  const float *inputs(const Strip &strip, const float *packed, int k) const {
    if (isWhole()) return packed + k * strip.pitch();
    return packed + k / kernelWidth * strip.pitch() + k % kernelWidth * strip.channels;
  }
  template <class V> DENSOR_INLINE void addToBias(V gradient, int o) const {
    if (bias) (V::load(bias + o) + gradient).store(bias + o);
  }
};

}  // namespace densor
