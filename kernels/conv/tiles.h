// AMX: products of two rows and two columns of tiles. A tile of sums is 16 rows × 16 columns of float32; what is multiplied,
// 16 rows × 32 bfloat16 numbers on the left and 16 pairs × 16 columns on the right.
// Source: Intel Architecture Instruction Set Extensions Programming Reference, chapter 3 (AMX).
#pragma once
#include "base/context.h"
#if defined(DENSOR_EMULATED_TILES)
#include "conv/tiles_emulated.h"
#endif
#if defined(__AMX_BF16__) || defined(DENSOR_EMULATED_TILES)
#define DENSOR_TILES
#endif

namespace densor {

static_assert(TILE_ROWS == 16 && TILE_DEPTH == 32, "a tile of AMX, as large as they come");

#ifdef DENSOR_TILES
constexpr bool HAS_TILES = true;

// What LDTILECFG reads.
struct alignas(64) TileShapes {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t columnBytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileShapes) == 64);

// A thread's tiles, shaped; given back at the end, so that the system need not save them.
struct TileState {
  TileState() {
    TileShapes shapes;
    for (int i = 0; i < 8; i++) shapes.columnBytes[i] = 64, shapes.rows[i] = TILE_ROWS;
    asm volatile("" ::"r"(&shapes) : "memory"); // GCC 12 believes that 8 of the 64 bytes are read (GCC bug 114098).
    _tile_loadconfig(&shapes);
  }
  ~TileState() { _tile_release(); }
  TileState(const TileState &) = delete;
  TileState &operator=(const TileState &) = delete;
};

// sums[m][b] = Σ over runs, of M × B tiles. runs(add): add(run, a); rows of `a` lie aRow numbers apart, `depth` is a multiple
// of TILE_DEPTH; a run's part of the panel is [depth/2][B·16] pairs. Reads all 16 rows of a tile.
template <int M, int B, class Runs>
DENSOR_INLINE void multiplyTiles(float (&sums)[2][2][TILE_ROWS * 16], ptrdiff_t aRow, const Bfloat16 *panel, int depth,
                                 Runs runs) {
  constexpr int right = B * 64;
  asm volatile("" ::: "memory"); // Intrinsics of some compilers do not say that they read memory.
  _tile_zero(0);
  if constexpr (B > 1) _tile_zero(1);
  if constexpr (M > 1) _tile_zero(2);
  if constexpr (M > 1 && B > 1) _tile_zero(3);
  runs([&](int run, const Bfloat16 *a) DENSOR_LAMBDA_INLINE {
    const Bfloat16 *b = panel + static_cast<size_t>(run) * depth * B * 16;
    for (int k = 0; k < depth; k += TILE_DEPTH, a += TILE_DEPTH, b += TILE_DEPTH * B * 16) {
      _tile_loadd(4, a, aRow * 2);
      _tile_loadd(6, b, right);
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (B > 1) {
        _tile_loadd(7, b + 32, right);
        _tile_dpbf16ps(1, 4, 7);
      }
      if constexpr (M > 1) {
        _tile_loadd(5, a + TILE_ROWS * aRow, aRow * 2);
        _tile_dpbf16ps(2, 5, 6);
      }
      if constexpr (M > 1 && B > 1) _tile_dpbf16ps(3, 5, 7);
    }
  });
  _tile_stored(0, sums[0][0], 64);
  if constexpr (B > 1) _tile_stored(1, sums[0][1], 64);
  if constexpr (M > 1) _tile_stored(2, sums[1][0], 64);
  if constexpr (M > 1 && B > 1) _tile_stored(3, sums[1][1], 64);
  asm volatile("" ::: "memory");
}
#else
constexpr bool HAS_TILES = false;
struct TileState {};
#endif

}  // namespace densor
