// What strips and panels hold: float32, or bfloat16 where maps are stored so and the processor multiplies that.
#pragma once
#include "conv/tiles.h"

namespace densor {

// Sums of fewer numbers stay in float32: padding them would be the work.
constexpr int LEAST_PAIRED = 16;

// A sum's numbers are padded with zeros to a multiple of this.
template <class P> inline constexpr int DEPTH_STEP = 1;
template <> inline constexpr int DEPTH_STEP<Bfloat16> = HAS_TILES ? TILE_DEPTH : 2;

template <class P> DENSOR_INLINE int packedDepth(int depth) { return roundUp(depth, DEPTH_STEP<P>); }

// Calls f.template operator()<P>() with the operand for maps of T and sums over `depth` channels. `packWeights` decides alike.
template <class T, class F> DENSOR_INLINE void withOperand(int depth, F f) {
#ifdef DENSOR_PAIRS
  if constexpr (sizeof(T) == sizeof(Bfloat16))
    if (depth >= LEAST_PAIRED) return f.template operator()<Bfloat16>();
#endif
  static_cast<void>(depth);
  f.template operator()<float>();
}

// The zeros behind a strip: what pads the depth of its last pixel.
template <class P> DENSOR_INLINE void zeroBehind(P *end) { __builtin_memset(end, 0, (DEPTH_STEP<P> - 1) * sizeof(P)); }

}  // namespace densor
