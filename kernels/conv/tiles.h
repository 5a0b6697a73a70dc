// AMX: bfloat16 dot products of up to 2 × 2 tiles. A tile of sums is 16 rows × 16 columns of float32; the operands are
// 16 rows × 32 numbers (left) and 16 pairs × 16 columns (right).
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

static_assert(TILE_ROWS == 16 && TILE_DEPTH == 32, "the largest AMX tile");

#ifdef DENSOR_TILES
constexpr bool HAS_TILES = true;

// The operand of LDTILECFG.
struct alignas(64) TileShapes {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t columnBytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileShapes) == 64);

// Configures the tiles of a thread; releases them at the end, so that context switches need not save them.
struct TileState {
  TileState() {
    TileShapes shapes;
    for (int i = 0; i < 8; i++) shapes.columnBytes[i] = 64, shapes.rows[i] = TILE_ROWS;
    asm volatile("" ::"r"(&shapes) : "memory"); // GCC 12 assumes that only 8 of the 64 bytes are read (GCC bug 114098).
    _tile_loadconfig(&shapes);
  }
  ~TileState() { _tile_release(); }
  TileState(const TileState &) = delete;
  TileState &operator=(const TileState &) = delete;
};

// sums[m][b] = Σ over runs, for M × B tiles. runs(add) calls add(run, a) for each run; the rows of `a` are aRow
// elements apart. `depth`: a multiple of TILE_DEPTH. The panel of a run is [depth/2][B·16] pairs. Reads all 16 rows of
// a tile, even if fewer are used. Order of reduction: runs, then pairs, ascending; within an instruction as the
// processor adds.
template <int M, int B, class Runs>
DENSOR_INLINE void multiplyTiles(float (&sums)[2][2][TILE_ROWS * 16], ptrdiff_t aRow, const Bfloat16 *panel, int depth,
                                 Runs runs) {
  constexpr int right = B * 64;
  asm volatile("" ::: "memory"); // The intrinsics of some compilers do not declare that they read memory.
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
