// The element type of strips and panels, the operands of the micro-kernel: bfloat16 if feature maps are stored as
// bfloat16 and the processor has dot products for it; otherwise float32.
#pragma once
#include "conv/tiles.h"

namespace densor {

template <class T> struct OperandOf {
  using type = float;
};
#ifdef DENSOR_PAIRS
template <> struct OperandOf<Bfloat16> {
  using type = Bfloat16;
};
#endif
// The operand type for feature maps of T.
template <class T> using Operand = typename OperandOf<T>::type;

template <class P> inline constexpr bool IN_PAIRS = sizeof(P) == sizeof(Bfloat16);

// The length of a run is padded to a multiple of this (filter_runs.h).
template <class P> inline constexpr int DEPTH_STEP = 1;
template <> inline constexpr int DEPTH_STEP<Bfloat16> = HAS_TILES ? TILE_DEPTH : 2;

template <class P> DENSOR_INLINE int packedDepth(int depth) { return roundUp(depth, DEPTH_STEP<P>); }

// Writes zeros after a strip: the padding of its last run.
template <class P> DENSOR_INLINE void zeroBehind(P *end) { __builtin_memset(end, 0, (DEPTH_STEP<P> - 1) * sizeof(P)); }

}  // namespace densor
