// Matrices turned over in registers: what lies row by row on one side of a kernel and column by column on the other is
// then read and written by whole vectors on both.
#pragma once
#include "base/constant.h"

namespace densor {

// Lane j of row i becomes lane i of row j. Row i zipped with row i + size/2 moves the highest bit of the row's number
// behind the lane's: after as many rounds as either has bits, they have changed places.
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
