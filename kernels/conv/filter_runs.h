// The sum of a convolution over one filter, divided into runs: terms that are contiguous both in a strip (the packed
// input) and in the packed weights. The length of a run is padded to DEPTH_STEP: the padding of the weights is zero,
// that of the inputs is whatever follows in the strip.
#pragma once
#include "conv/operand.h"

namespace densor {

template <class P> struct FilterRuns {
  int count, depth; // number of runs, and elements of each
  int perRow;       // runs per filter row: 1, or one per tap if taps are padded separately
  int channels, tapsOfRun;
  size_t pitch; // elements of a row of the strip

  FilterRuns(int kernelHeight, int kernelWidth, int channels, size_t pitch = 0) : channels(channels), pitch(pitch) {
    perRow = channels % DEPTH_STEP<P> == 0 || channels < FEW_CHANNELS ? 1 : kernelWidth;
    tapsOfRun = kernelWidth / perRow;
    count = kernelHeight * perRow, depth = tapsOfRun * channels;
  }
  // Calls add(run, pointer to its first element) for a filter whose top left corner is at `from`.
  template <class Add> DENSOR_INLINE void each(const P *from, Add add) const {
    if (perRow == 1)
      for (int k = 0; k < count; k++) add(k, from + k * pitch);
    else
      for (int k = 0; k < count; k++) add(k, from + k / perRow * pitch + static_cast<size_t>(k % perRow) * depth);
  }
  // The number of rows of a panel of packed weights, and the row of a weight.
  int panelRows() const { return count * packedDepth<P>(depth); }
  DENSOR_INLINE size_t panelRow(int tap, int channel) const {
    return static_cast<size_t>(tap / tapsOfRun) * packedDepth<P>(depth) + tap % tapsOfRun * channels + channel;
  }
};

}  // namespace densor
