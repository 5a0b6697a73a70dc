// The one micro-kernel of every convolution, forward and backward: a register tile of R rows × B vectors.
#pragma once
#include "base/constant.h"
#include "base/vec.h"

namespace densor {

// tile[r][b] += Σ_k a[r·aRow + k·aDepth] · panel[k·panelDepth + b·V::size …], k ascending.
template <class V, int R, int B>
DENSOR_INLINE void multiplyAdd(V (&tile)[R][B], const float *a, ptrdiff_t aRow, ptrdiff_t aDepth,
                               const float *panel, ptrdiff_t panelDepth, int depth) {
  for (int k = 0; k < depth; k++, a += aDepth, panel += panelDepth) {
    V right[B];
    DENSOR_UNROLL for (int b = 0; b < B; b++) right[b] = V::load(panel + b * V::size);
    DENSOR_UNROLL for (int r = 0; r < R; r++) {
      const V left = V::broadcast(a + r * aRow);
      DENSOR_UNROLL for (int b = 0; b < B; b++) tile[r][b] = fma(left, right[b], tile[r][b]);
    }
  }
}

// Calls f with a compile-time constant equal to n, 1 <= n <= N.
template <int N, class F> DENSOR_INLINE void withConstant(int n, F f) {
  if constexpr (N > 1) {
    if (n < N) return withConstant<N - 1>(n, f);
  }
  f(Constant<N>{});
}

// Cuts [0, total) into as few pieces of at most `most` as will do, nearly equal: f(begin, length).
template <class F> DENSOR_INLINE void forTiles(int total, int most, F f) {
  const int tiles = (total + most - 1) / most;
  for (int t = 0, begin = 0; t < tiles; t++) {
    const int length = (total - begin + tiles - t - 1) / (tiles - t);
    f(begin, length);
    begin += length;
  }
}

}  // namespace densor
