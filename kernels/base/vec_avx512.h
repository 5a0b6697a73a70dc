// vec of sixteen floats: AVX-512 (F, BW, DQ, VL). Tails use masked loads and stores.
#pragma once
#include "base/vec.h"
#include <immintrin.h>

template <> struct vec<float, 16> {
  static constexpr int size = 16;
  // 28 accumulators, two vectors of weights and a broadcast use 31 of the 32 registers.
  static constexpr int tileRows = 14, tileBlocks = 2;
  __m512 v;

  static DENSOR_INLINE vec splat(float x) { return {_mm512_set1_ps(x)}; }
  static DENSOR_INLINE vec load(const float *p) { return {_mm512_loadu_ps(p)}; }
  static DENSOR_INLINE vec load(const Bfloat16 *p) {
    return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
  }
  static DENSOR_INLINE vec broadcast(const float *p) { return {_mm512_set1_ps(*p)}; }
  DENSOR_INLINE void store(float *p) const { _mm512_storeu_ps(p, v); }
  DENSOR_INLINE void store(Bfloat16 *p) const { _mm256_storeu_si256(reinterpret_cast<__m256i *>(p), narrowed()); }
  static DENSOR_INLINE vec widened(__m256i halves) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
  }
  // Rounds as narrow() does (bfloat16.h).
  DENSOR_INLINE __m256i narrowed() const {
    const __m512i bits = _mm512_castps_si512(v), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __m512i all = _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(all, 16));
  }
  DENSOR_INLINE void storeBytes(uint8_t *p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(p), _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(v)));
  }
  static DENSOR_INLINE vec loadBytes(const uint8_t *p) {
    return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p))))};
  }
};
DENSOR_INLINE vec<float, 16> operator+(vec<float, 16> a, vec<float, 16> b) { return {_mm512_add_ps(a.v, b.v)}; }
DENSOR_INLINE vec<float, 16> operator-(vec<float, 16> a, vec<float, 16> b) { return {_mm512_sub_ps(a.v, b.v)}; }
DENSOR_INLINE vec<float, 16> operator*(vec<float, 16> a, vec<float, 16> b) { return {_mm512_mul_ps(a.v, b.v)}; }
DENSOR_INLINE vec<float, 16> operator/(vec<float, 16> a, vec<float, 16> b) { return {_mm512_div_ps(a.v, b.v)}; }
DENSOR_INLINE vec<float, 16> squareRoot(vec<float, 16> a) { return {_mm512_sqrt_ps(a.v)}; }
DENSOR_INLINE vec<float, 16> fma(vec<float, 16> a, vec<float, 16> b, vec<float, 16> c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
// _mm512_max_ps returns its second operand if either is NaN.
DENSOR_INLINE vec<float, 16> relu(vec<float, 16> t) { return {_mm512_max_ps(_mm512_setzero_ps(), t.v)}; }
DENSOR_INLINE vec<float, 16> keepWherePositive(vec<float, 16> z, vec<float, 16> d) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(z.v, _mm512_setzero_ps(), _CMP_GT_OQ), d.v)};
}
DENSOR_INLINE vec<float, 16> keepWhereEqual(vec<float, 16> a, vec<float, 16> b, vec<float, 16> d) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ), d.v)};
}
DENSOR_INLINE vec<float, 16> selectGreater(vec<float, 16> candidate, vec<float, 16> best, vec<float, 16> x,
                                           vec<float, 16> y) {
  const __mmask16 stays = _mm512_cmp_ps_mask(candidate.v, best.v, _CMP_LE_OQ) |
                          _mm512_cmp_ps_mask(best.v, best.v, _CMP_UNORD_Q);
  return {_mm512_mask_mov_ps(x.v, stays, y.v)};
}
DENSOR_INLINE vec<float, 16> zipLow(vec<float, 16> a, vec<float, 16> b) {
  const __m512i lanes = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return {_mm512_permutex2var_ps(a.v, lanes, b.v)};
}
DENSOR_INLINE vec<float, 16> zipHigh(vec<float, 16> a, vec<float, 16> b) {
  const __m512i lanes = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  return {_mm512_permutex2var_ps(a.v, lanes, b.v)};
}

DENSOR_INLINE __mmask16 firstLanes16(int count) {
  return count >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1u << count) - 1);
}
template <> DENSOR_INLINE vec<float, 16> loadFirst<vec<float, 16>>(const float *p, int count) {
  showRead(p, count < 16 ? count : 16);
  return {_mm512_maskz_loadu_ps(firstLanes16(count), p)};
}
template <> DENSOR_INLINE void storeFirst(vec<float, 16> x, float *p, int count) {
  showWrite(p, count < 16 ? count : 16);
  _mm512_mask_storeu_ps(p, firstLanes16(count), x.v);
}
template <> DENSOR_INLINE vec<float, 16> loadFirst<vec<float, 16>>(const Bfloat16 *p, int count) {
  showRead(&p->bits, count < 16 ? count : 16);
  return vec<float, 16>::widened(_mm256_maskz_loadu_epi16(firstLanes16(count), p));
}
template <> DENSOR_INLINE void storeFirst(vec<float, 16> x, Bfloat16 *p, int count) {
  showWrite(&p->bits, count < 16 ? count : 16);
  _mm256_mask_storeu_epi16(p, firstLanes16(count), x.narrowed());
}
