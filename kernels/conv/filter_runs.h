// The runs that a filter's sum is made of: numbers that lie side by side in a strip and in packed weights, and are padded
// together. In a strip the pad is what comes next; its weights are zero.
#pragma once
#include "conv/operand.h"

namespace densor {

template <class P> struct FilterRuns {
  int count, depth; // how many, and the numbers of each
  int perRow;       // of a filter's row: one or, where taps are padded, one for each
  int channels, tapsOfRun;
  size_t pitch; // of the strip

  FilterRuns(int kernelHeight, int kernelWidth, int channels, size_t pitch = 0) : channels(channels), pitch(pitch) {
    perRow = channels % DEPTH_STEP<P> == 0 || channels < FEW_CHANNELS ? 1 : kernelWidth;
    tapsOfRun = kernelWidth / perRow;
    count = kernelHeight * perRow, depth = tapsOfRun * channels;
  }
  // add(run, its first number of the filter that stands at `from`)
  template <class Add> DENSOR_INLINE void each(const P *from, Add add) const {
    if (perRow == 1)
      for (int k = 0; k < count; k++) add(k, from + k * pitch);
    else
      for (int k = 0; k < count; k++) add(k, from + k / perRow * pitch + static_cast<size_t>(k % perRow) * depth);
  }
  // Rows of a panel of packed weights, and which of them a weight is.
  int panelRows() const { return count * packedDepth<P>(depth); }
  DENSOR_INLINE size_t panelRow(int tap, int channel) const {
    return static_cast<size_t>(tap / tapsOfRun) * packedDepth<P>(depth) + tap % tapsOfRun * channels + channel;
  }
};

}  // namespace densor
