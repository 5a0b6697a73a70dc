// Emulation of the AMX instructions (source: conv/tiles.h), for tests on processors without them: eight tiles per
// thread, each 16 rows × 64 bytes. Other shapes, and the use of tiles that are not configured, end the process, as on a
// processor; released tiles contain NaN. Unlike on a processor, subnormal numbers are not treated as zero.
#pragma once
#include "base/bfloat16.h"
#include <stddef.h>

namespace densor {

struct EmulatedTiles {
  alignas(64) uint8_t bytes[8][16][64];
  bool areShaped = false;

  void configure(const void *shapes) {
    const uint8_t *all = static_cast<const uint8_t *>(shapes), *rows = all + 48;
    uint16_t columnBytes[16];
    __builtin_memcpy(columnBytes, all + 16, sizeof columnBytes);
    require(all[0] == 1);
    for (int i = 1; i < 16; i++) require(all[i] == 0);
    for (int i = 0; i < 16; i++) require(columnBytes[i] == (i < 8 ? 64 : 0) && rows[i] == (i < 8 ? 16 : 0));
    areShaped = true;
  }
  void release() {
    areShaped = false;
    __builtin_memset(bytes, 0xff, sizeof bytes);
  }
  static void require(bool holds) {
    if (!holds) __builtin_trap();
  }
  void load(int tile, const void *from, size_t stride) {
    require(areShaped);
    for (size_t row = 0; row < 16; row++)
      __builtin_memcpy(bytes[tile][row], static_cast<const uint8_t *>(from) + row * stride, 64);
  }
  void store(int tile, void *to, size_t stride) const {
    require(areShaped);
    for (size_t row = 0; row < 16; row++) __builtin_memcpy(static_cast<uint8_t *>(to) + row * stride, bytes[tile][row], 64);
  }
  void zero(int tile) {
    require(areShaped);
    __builtin_memset(bytes[tile], 0, sizeof bytes[tile]);
  }
  // sums += a·b: the even and the odd elements are summed separately, then added.
  void dot(int sums, int a, int b) {
    require(areShaped);
    for (int m = 0; m < 16; m++) {
      float even[16] = {}, odd[16] = {}, sum[16];
      Bfloat16 left[32], right[32];
      __builtin_memcpy(left, bytes[a][m], 64);
      for (int k = 0; k < 16; k++) {
        __builtin_memcpy(right, bytes[b][k], 64);
        for (int n = 0; n < 16; n++) {
          even[n] += widen(left[2 * k]) * widen(right[2 * n]);
          odd[n] += widen(left[2 * k + 1]) * widen(right[2 * n + 1]);
        }
      }
      __builtin_memcpy(sum, bytes[sums][m], 64);
      for (int n = 0; n < 16; n++) sum[n] += even[n] + odd[n];
      __builtin_memcpy(bytes[sums][m], sum, 64);
    }
  }
};
inline thread_local EmulatedTiles emulatedTiles;

}  // namespace densor

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig(shapes) densor::emulatedTiles.configure(shapes)
#define _tile_release() densor::emulatedTiles.release()
#define _tile_zero(tile) densor::emulatedTiles.zero(tile)
#define _tile_loadd(tile, from, stride) densor::emulatedTiles.load(tile, from, static_cast<size_t>(stride))
#define _tile_stored(tile, to, stride) densor::emulatedTiles.store(tile, to, static_cast<size_t>(stride))
#define _tile_dpbf16ps(sums, a, b) densor::emulatedTiles.dot(sums, a, b)
