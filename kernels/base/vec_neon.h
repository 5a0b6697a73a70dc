// vec of four floats: NEON on 64-bit ARM.
#pragma once
#include "base/vec.h"
#include <arm_neon.h>

template <> struct vec<float, 4> {
  static constexpr int size = 4;
  // 24 accumulators, four vectors of weights and a broadcast use 29 of the 32 registers.
  static constexpr int tileRows = 6, tileBlocks = 4;
  float32x4_t v;

  static DENSOR_INLINE vec splat(float x) { return {vdupq_n_f32(x)}; }
  static DENSOR_INLINE vec load(const float *p) { return {vld1q_f32(p)}; }
  static DENSOR_INLINE vec load(const Bfloat16 *p) {
    return {vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(&p->bits), 16))};
  }
  static DENSOR_INLINE vec broadcast(const float *p) { return {vld1q_dup_f32(p)}; }
  DENSOR_INLINE void store(float *p) const { vst1q_f32(p, v); }
  // Rounds as narrow() does (bfloat16.h).
  DENSOR_INLINE void store(Bfloat16 *p) const {
    const uint32x4_t bits = vreinterpretq_u32_f32(v), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    vst1_u16(&p->bits, vshrn_n_u32(vbslq_u32(vceqq_f32(v, v), rounded, quiet), 16));
  }
  DENSOR_INLINE void storeBytes(uint8_t *p) const {
    const uint16x4_t shorts = vmovn_u32(vcvtq_u32_f32(v));
    const uint8x8_t bytes = vmovn_u16(vcombine_u16(shorts, shorts));
    vst1_lane_u32(reinterpret_cast<uint32_t *>(p), vreinterpret_u32_u8(bytes), 0);
  }
  static DENSOR_INLINE vec loadBytes(const uint8_t *p) {
    uint32_t bytes;
    __builtin_memcpy(&bytes, p, 4);
    const uint16x8_t shorts = vmovl_u8(vcreate_u8(bytes));
    return {vcvtq_f32_u32(vmovl_u16(vget_low_u16(shorts)))};
  }
};
DENSOR_INLINE vec<float, 4> operator+(vec<float, 4> a, vec<float, 4> b) { return {vaddq_f32(a.v, b.v)}; }
DENSOR_INLINE vec<float, 4> operator-(vec<float, 4> a, vec<float, 4> b) { return {vsubq_f32(a.v, b.v)}; }
DENSOR_INLINE vec<float, 4> operator*(vec<float, 4> a, vec<float, 4> b) { return {vmulq_f32(a.v, b.v)}; }
DENSOR_INLINE vec<float, 4> operator/(vec<float, 4> a, vec<float, 4> b) { return {vdivq_f32(a.v, b.v)}; }
DENSOR_INLINE vec<float, 4> squareRoot(vec<float, 4> a) { return {vsqrtq_f32(a.v)}; }
DENSOR_INLINE vec<float, 4> fma(vec<float, 4> a, vec<float, 4> b, vec<float, 4> c) {
  return {vfmaq_f32(c.v, a.v, b.v)};
}
// FMAX propagates NaN.
DENSOR_INLINE vec<float, 4> relu(vec<float, 4> t) { return {vmaxq_f32(t.v, vdupq_n_f32(0))}; }
DENSOR_INLINE vec<float, 4> keepWherePositive(vec<float, 4> z, vec<float, 4> d) {
  return {vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(d.v), vcgtq_f32(z.v, vdupq_n_f32(0))))};
}
DENSOR_INLINE vec<float, 4> keepWhereEqual(vec<float, 4> a, vec<float, 4> b, vec<float, 4> d) {
  return {vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(d.v), vceqq_f32(a.v, b.v)))};
}
DENSOR_INLINE vec<float, 4> selectGreater(vec<float, 4> candidate, vec<float, 4> best, vec<float, 4> x,
                                          vec<float, 4> y) {
  const uint32x4_t stays = vorrq_u32(vcleq_f32(candidate.v, best.v), vmvnq_u32(vceqq_f32(best.v, best.v)));
  return {vbslq_f32(stays, y.v, x.v)};
}
DENSOR_INLINE vec<float, 4> zipLow(vec<float, 4> a, vec<float, 4> b) { return {vzip1q_f32(a.v, b.v)}; }
DENSOR_INLINE vec<float, 4> zipHigh(vec<float, 4> a, vec<float, 4> b) { return {vzip2q_f32(a.v, b.v)}; }
