// Matrix transposition in registers, so that a kernel can load rows and store columns with whole vectors.
#pragma once
#include "base/constant.h"

namespace densor {

// Lane j of row i becomes lane i of row j. Interleaving row i with row i + size/2 moves the highest bit of the row
// index to the lowest bit of the lane index; after log2(size) rounds the two indices are exchanged.
template <class V> DENSOR_INLINE void transpose(V (&rows)[V::size]) {
  constexpr int half = V::size / 2;
  DENSOR_UNROLL for (int round = 1; round < V::size; round *= 2) {
    V zipped[V::size];
    DENSOR_UNROLL for (int i = 0; i < half; i++) {
      zipped[2 * i] = zipLow(rows[i], rows[i + half]);
      zipped[2 * i + 1] = zipHigh(rows[i], rows[i + half]);
    }
    DENSOR_UNROLL for (int i = 0; i < V::size; i++) rows[i] = zipped[i];
  }
}

}  // namespace densor
