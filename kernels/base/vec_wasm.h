// vec of four floats: WebAssembly SIMD; relaxed SIMD if the build enables it.
#pragma once
#include "base/vec.h"
#include <wasm_simd128.h>

template <> struct vec<float, 4> {
  static constexpr int size = 4;
  // 8 accumulators: with more, V8's register allocator spills (4×2 measured twice as fast as 6×2).
  static constexpr int tileRows = 4, tileBlocks = 2;
  v128_t v;

  static DENSOR_INLINE vec splat(float x) { return {wasm_f32x4_splat(x)}; }
  static DENSOR_INLINE vec load(const float *p) { return {wasm_v128_load(p)}; }
  static DENSOR_INLINE vec load(const Bfloat16 *p) { return {wasm_i32x4_shl(wasm_u32x4_load16x4(p), 16)}; }
  static DENSOR_INLINE vec broadcast(const float *p) { return {wasm_v128_load32_splat(p)}; }
  DENSOR_INLINE void store(float *p) const { wasm_v128_store(p, v); }
  // Rounds as narrow() does (bfloat16.h).
  DENSOR_INLINE void store(Bfloat16 *p) const {
    const v128_t odd = wasm_v128_and(wasm_u32x4_shr(v, 16), wasm_i32x4_const_splat(1));
    const v128_t rounded = wasm_i32x4_add(wasm_i32x4_add(v, wasm_i32x4_const_splat(0x7fff)), odd);
    const v128_t quiet = wasm_v128_or(v, wasm_i32x4_const_splat(0x400000));
    const v128_t words = wasm_u32x4_shr(wasm_v128_bitselect(quiet, rounded, wasm_f32x4_ne(v, v)), 16);
    wasm_v128_store64_lane(p, wasm_u16x8_narrow_i32x4(words, words), 0);
  }
  DENSOR_INLINE void storeBytes(uint8_t *p) const {
    const v128_t words = wasm_i32x4_trunc_sat_f32x4(v);
    const v128_t shorts = wasm_i16x8_narrow_i32x4(words, words);
    wasm_v128_store32_lane(p, wasm_u8x16_narrow_i16x8(shorts, shorts), 0);
  }
  static DENSOR_INLINE vec loadBytes(const uint8_t *p) {
    const v128_t bytes = wasm_v128_load32_zero(p);
    return {wasm_f32x4_convert_i32x4(wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(bytes)))};
  }
};
DENSOR_INLINE vec<float, 4> operator+(vec<float, 4> a, vec<float, 4> b) { return {wasm_f32x4_add(a.v, b.v)}; }
DENSOR_INLINE vec<float, 4> operator-(vec<float, 4> a, vec<float, 4> b) { return {wasm_f32x4_sub(a.v, b.v)}; }
DENSOR_INLINE vec<float, 4> operator*(vec<float, 4> a, vec<float, 4> b) { return {wasm_f32x4_mul(a.v, b.v)}; }
DENSOR_INLINE vec<float, 4> operator/(vec<float, 4> a, vec<float, 4> b) { return {wasm_f32x4_div(a.v, b.v)}; }
DENSOR_INLINE vec<float, 4> squareRoot(vec<float, 4> a) { return {wasm_f32x4_sqrt(a.v)}; }
DENSOR_INLINE vec<float, 4> fma(vec<float, 4> a, vec<float, 4> b, vec<float, 4> c) {
#ifdef __wasm_relaxed_simd__
  return {wasm_f32x4_relaxed_madd(a.v, b.v, c.v)};
#else
  return {wasm_f32x4_add(wasm_f32x4_mul(a.v, b.v), c.v)};
#endif
}
// pmax(t, 0) is `t < 0 ? 0 : t`: NaN stays NaN, in one instruction on x86 and ARM.
DENSOR_INLINE vec<float, 4> relu(vec<float, 4> t) { return {wasm_f32x4_pmax(t.v, wasm_f32x4_const_splat(0))}; }
DENSOR_INLINE vec<float, 4> keepWherePositive(vec<float, 4> z, vec<float, 4> d) {
  return {wasm_v128_and(d.v, wasm_f32x4_gt(z.v, wasm_f32x4_const_splat(0)))};
}
DENSOR_INLINE vec<float, 4> keepWhereEqual(vec<float, 4> a, vec<float, 4> b, vec<float, 4> d) {
  return {wasm_v128_and(d.v, wasm_f32x4_eq(a.v, b.v))};
}
DENSOR_INLINE vec<float, 4> selectGreater(vec<float, 4> candidate, vec<float, 4> best, vec<float, 4> x,
                                          vec<float, 4> y) {
  const v128_t stays = wasm_v128_or(wasm_f32x4_le(candidate.v, best.v), wasm_f32x4_ne(best.v, best.v));
  return {wasm_v128_bitselect(y.v, x.v, stays)};
}
DENSOR_INLINE vec<float, 4> zipLow(vec<float, 4> a, vec<float, 4> b) {
  return {wasm_i32x4_shuffle(a.v, b.v, 0, 4, 1, 5)};
}
DENSOR_INLINE vec<float, 4> zipHigh(vec<float, 4> a, vec<float, 4> b) {
  return {wasm_i32x4_shuffle(a.v, b.v, 2, 6, 3, 7)};
}
