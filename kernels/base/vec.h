// vec<T, N>: N lanes of T. Kernels are templates over it, so one source serves every instruction set.
// fma(a, b, c) = a·b + c: rounded once if the instruction set has a fused multiply-add, otherwise twice. It is the same
// everywhere in a build, so a recomputed value is bit-identical.
// load and store accept both storage types, float and Bfloat16; lanes are always float32. Unaligned addresses are
// allowed.
#pragma once
#include "base/bfloat16.h"
#include <stddef.h>
#include <stdint.h>

#define DENSOR_INLINE inline __attribute__((always_inline))
#define DENSOR_LAMBDA_INLINE __attribute__((always_inline))

template <class T, int N> struct vec;

// The scalar instantiation.
template <> struct vec<float, 1> {
  static constexpr int size = 1;
  // Register tile of the convolutions: rows (pixels, images or weights) × blocks (vectors of channels).
  static constexpr int tileRows = 4, tileBlocks = 2;
  float v;

  static DENSOR_INLINE vec splat(float x) { return {x}; }
  static DENSOR_INLINE vec load(const float *p) { return {*p}; }
  static DENSOR_INLINE vec load(const Bfloat16 *p) { return {widen(*p)}; }
  static DENSOR_INLINE vec broadcast(const float *p) { return {*p}; }
  DENSOR_INLINE void store(float *p) const { *p = v; }
  DENSOR_INLINE void store(Bfloat16 *p) const { *p = narrow(v); }
  // Stores lanes as unsigned bytes; each lane is an integer from 0 to 255.
  DENSOR_INLINE void storeBytes(uint8_t *p) const { *p = static_cast<uint8_t>(v); }
  static DENSOR_INLINE vec loadBytes(const uint8_t *p) { return {static_cast<float>(*p)}; }
};
DENSOR_INLINE vec<float, 1> operator+(vec<float, 1> a, vec<float, 1> b) { return {a.v + b.v}; }
DENSOR_INLINE vec<float, 1> operator-(vec<float, 1> a, vec<float, 1> b) { return {a.v - b.v}; }
DENSOR_INLINE vec<float, 1> operator*(vec<float, 1> a, vec<float, 1> b) { return {a.v * b.v}; }
DENSOR_INLINE vec<float, 1> operator/(vec<float, 1> a, vec<float, 1> b) { return {a.v / b.v}; }
DENSOR_INLINE vec<float, 1> squareRoot(vec<float, 1> a) { return {__builtin_sqrtf(a.v)}; }
DENSOR_INLINE vec<float, 1> fma(vec<float, 1> a, vec<float, 1> b, vec<float, 1> c) { return {a.v * b.v + c.v}; }
// max(0, t); NaN stays NaN.
DENSOR_INLINE vec<float, 1> relu(vec<float, 1> t) { return {t.v < 0 ? 0 : t.v}; }
// z > 0 ? d : 0, per lane.
DENSOR_INLINE vec<float, 1> keepWherePositive(vec<float, 1> z, vec<float, 1> d) { return {z.v > 0 ? d.v : 0}; }
// a = b ? d : 0, per lane.
DENSOR_INLINE vec<float, 1> keepWhereEqual(vec<float, 1> a, vec<float, 1> b, vec<float, 1> d) {
  return {a.v == b.v ? d.v : 0};
}
// x where candidate > best or candidate is NaN, otherwise y; always y where best is NaN.
DENSOR_INLINE vec<float, 1> selectGreater(vec<float, 1> candidate, vec<float, 1> best, vec<float, 1> x,
                                          vec<float, 1> y) {
  return {candidate.v <= best.v || best.v != best.v ? y.v : x.v};
}

// Interleaves the lower halves of a and b (zipLow) or their upper halves (zipHigh). With one lane: a and b.
DENSOR_INLINE vec<float, 1> zipLow(vec<float, 1> a, vec<float, 1>) { return a; }
DENSOR_INLINE vec<float, 1> zipHigh(vec<float, 1>, vec<float, 1> b) { return b; }

// Sanitizers do not check masked loads and stores: the same memory is accessed lane by lane for them.
#ifdef DENSOR_SANITIZED
template <class T> DENSOR_INLINE void showRead(const volatile T *p, int count) {
  for (int i = 0; i < count; i++) static_cast<void>(p[i]);
}
template <class T> DENSOR_INLINE void showWrite(volatile T *p, int count) {
  for (int i = 0; i < count; i++) p[i] = p[i];
}
#else
template <class T> DENSOR_INLINE void showRead(const T *, int) {}
template <class T> DENSOR_INLINE void showWrite(T *, int) {}
#endif

// Loads the first `count` lanes; the others are zero (selected, not multiplied, because memory may hold NaN).
template <class V, class T> DENSOR_INLINE V loadFirst(const T *p, int count) {
  if (count >= V::size) return V::load(p);
  T lanes[V::size] = {};
  for (int i = 0; i < count; i++) lanes[i] = p[i];
  return V::load(lanes);
}

// Stores exactly the first `count` lanes: other features follow them in memory.
template <class V, class T> DENSOR_INLINE void storeFirst(V x, T *p, int count) {
  if (count >= V::size) return x.store(p);
  T lanes[V::size];
  x.store(lanes);
  for (int i = 0; i < count; i++) p[i] = lanes[i];
}

// The operands of micro-kernels: vectors of P, with `depth` terms of a sum per lane. float32 everywhere; also bfloat16
// if the processor has dot products of pairs of them, where a lane computes a·b + a'·b'.
template <class V, class P> struct Lanes;
template <class V> struct Lanes<V, float> {
  using type = V;
  static constexpr int depth = 1;
};
// Stores an operand for micro-kernels.
template <class V> DENSOR_INLINE void storeOperand(V x, float *p) { x.store(p); }

// `Widest`: the vector type of the build's instruction set, for which kernels are instantiated. One file each.
#if defined(__wasm_simd128__)
#include "base/vec_wasm.h"
using Widest = vec<float, 4>;
#elif defined(DENSOR_SCALAR)
using Widest = vec<float, 1>;
#elif defined(__AVX512F__)
#include "base/vec_avx512.h"
using Widest = vec<float, 16>;
#ifdef __AVX512BF16__
#include "base/pairs_avx512.h"
#endif
#elif defined(__AVX2__)
#include "base/vec_avx2.h"
using Widest = vec<float, 8>;
#elif defined(__ARM_NEON)
#include "base/vec_neon.h"
using Widest = vec<float, 4>;
#else
using Widest = vec<float, 1>;
#endif
