// The micro-kernel of all convolutions, forward and backward: a register tile of R rows × B vectors. Tiles are +=, in
// registers; operands need no alignment. Order of reduction: runs, then their elements, ascending (bfloat16: pairs of
// elements).
#pragma once
#include "base/constant.h"
#include "conv/operand.h"
#include "base/vec.h"

namespace densor {

// tile[r][b] += Σ_k a[r·aRow + k·aDepth] · panel[k·panelDepth + b·V::size …], k ascending; with bfloat16, k counts
// pairs. `depth`: number of terms of the sum.
template <class V, int R, int B, class P>
DENSOR_INLINE void multiplyAdd(V (&tile)[R][B], const P *a, ptrdiff_t aRow, ptrdiff_t aDepth, const P *panel,
                               ptrdiff_t panelDepth, int depth) {
  using L = Lanes<V, P>;
  using Vector = typename L::type;
  for (int k = 0; k < depth; k += L::depth, a += aDepth, panel += panelDepth) {
    Vector right[B];
    DENSOR_UNROLL for (int b = 0; b < B; b++) right[b] = Vector::load(panel + b * V::size * L::depth);
    DENSOR_UNROLL for (int r = 0; r < R; r++) {
      const Vector left = Vector::broadcast(a + r * aRow);
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

// Calls f.template operator()<R, B>() for a tile of `rows` rows and at most `vectors` vectors.
template <class V, class F> DENSOR_INLINE void withTile(int rows, int vectors, F f) {
  withConstant<V::tileBlocks>(vectors < V::tileBlocks ? vectors : V::tileBlocks, [&](auto blocks) DENSOR_LAMBDA_INLINE {
    withConstant<V::tileRows>(rows, [&](auto length) DENSOR_LAMBDA_INLINE {
      f.template operator()<decltype(length)::value, decltype(blocks)::value>();
    });
  });
}

// Divides [0, total) into the fewest nearly equal ranges of length at most `most`; calls f(begin, length) for each.
template <class F> DENSOR_INLINE void forTiles(int total, int most, F f) {
  const int tiles = (total + most - 1) / most;
  for (int t = 0, begin = 0; t < tiles; t++) {
    const int length = (total - begin + tiles - t - 1) / (tiles - t);
    f(begin, length);
    begin += length;
  }
}

// Divides the rows of a product into those computed at a time; calls f(begin, length).
template <class V, class P, class F> DENSOR_INLINE void forProductRows(int total, F f) {
  if constexpr (HAS_TILES && IN_PAIRS<P>) {
    for (int begin = 0; begin < total; begin += 2 * TILE_ROWS)
      f(begin, total - begin < 2 * TILE_ROWS ? total - begin : 2 * TILE_ROWS);
  } else forTiles(total, V::tileRows, f);
}

// Products of `rows` rows with at most V::tileBlocks vectors of a panel, summed over runs of `depth` elements.
// runs(add) calls add(run, a) for each run; `a` is its first element in row 0, rows are aRow apart. The panel contains
// the runs one after another. epilogue(V tile[R][B], first row) receives the sums in registers.
template <class V, class P, class Runs, class Epilogue>
DENSOR_INLINE void multiplyRuns(int rows, int vectors, ptrdiff_t aRow, const P *panel, int depth, Runs runs,
                                Epilogue epilogue) {
#ifdef DENSOR_TILES
  if constexpr (IN_PAIRS<P>) {
    alignas(64) float sums[2][2][TILE_ROWS * 16];
    withConstant<2>(vectors < 2 ? vectors : 2, [&](auto blocks) DENSOR_LAMBDA_INLINE {
      constexpr int B = decltype(blocks)::value;
      withConstant<2>(rows > TILE_ROWS ? 2 : 1, [&](auto high) DENSOR_LAMBDA_INLINE {
        multiplyTiles<decltype(high)::value, B>(sums, aRow, panel, packedDepth<P>(depth), runs);
      });
      constexpr int most = 8;
      for (int first = 0; first < rows; first += most)
        withConstant<most>(rows - first < most ? rows - first : most, [&](auto length) DENSOR_LAMBDA_INLINE {
          constexpr int R = decltype(length)::value;
          V tile[R][B];
          DENSOR_UNROLL for (int r = 0; r < R; r++) DENSOR_UNROLL for (int b = 0; b < B; b++)
              tile[r][b] = V::load(sums[first / TILE_ROWS][b] + (first % TILE_ROWS + r) * 16);
          epilogue(tile, first);
        });
    });
    return;
  }
#endif
  withTile<V>(rows, vectors, [&]<int R, int B>() DENSOR_LAMBDA_INLINE {
    constexpr int width = B * V::size, step = Lanes<V, P>::depth;
    V tile[R][B];
    DENSOR_UNROLL for (int r = 0; r < R; r++) DENSOR_UNROLL for (int b = 0; b < B; b++) tile[r][b] = V::splat(0);
    runs([&](int run, const P *a) DENSOR_LAMBDA_INLINE {
      multiplyAdd<V, R, B>(tile, a, aRow, step, panel + static_cast<size_t>(run) * packedDepth<P>(depth) * width,
                           width * step, depth);
    });
    epilogue(tile, 0);
  });
}

}  // namespace densor
