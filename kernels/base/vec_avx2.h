// vec of eight floats: AVX2 with FMA. Tails of floats use masked loads and stores.
#pragma once
#include "base/vec.h"
#include <immintrin.h>

template <> struct vec<float, 8> {
  static constexpr int size = 8;
  // 12 accumulators, two vectors of weights and a broadcast use 15 of the 16 registers.
  static constexpr int tileRows = 6, tileBlocks = 2;
  __m256 v;

  static DENSOR_INLINE vec splat(float x) { return {_mm256_set1_ps(x)}; }
  static DENSOR_INLINE vec load(const float *p) { return {_mm256_loadu_ps(p)}; }
  static DENSOR_INLINE vec load(const Bfloat16 *p) {
    const __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(words, 16))};
  }
  static DENSOR_INLINE vec broadcast(const float *p) { return {_mm256_broadcast_ss(p)}; }
  DENSOR_INLINE void store(float *p) const { _mm256_storeu_ps(p, v); }
  // Rounds as narrow() does (bfloat16.h).
  DENSOR_INLINE void store(Bfloat16 *p) const {
    const __m256i bits = _mm256_castps_si256(v), odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i isNan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i words = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, isNan), 16);
    _mm_storeu_si128(reinterpret_cast<__m128i *>(p),
                     _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
  }
  DENSOR_INLINE void storeBytes(uint8_t *p) const {
    const __m256i words = _mm256_cvttps_epi32(v);
    const __m128i shorts = _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(p), _mm_packus_epi16(shorts, shorts));
  }
  static DENSOR_INLINE vec loadBytes(const uint8_t *p) {
    return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(p))))};
  }
};
DENSOR_INLINE vec<float, 8> operator+(vec<float, 8> a, vec<float, 8> b) { return {_mm256_add_ps(a.v, b.v)}; }
DENSOR_INLINE vec<float, 8> operator-(vec<float, 8> a, vec<float, 8> b) { return {_mm256_sub_ps(a.v, b.v)}; }
DENSOR_INLINE vec<float, 8> operator*(vec<float, 8> a, vec<float, 8> b) { return {_mm256_mul_ps(a.v, b.v)}; }
DENSOR_INLINE vec<float, 8> operator/(vec<float, 8> a, vec<float, 8> b) { return {_mm256_div_ps(a.v, b.v)}; }
DENSOR_INLINE vec<float, 8> squareRoot(vec<float, 8> a) { return {_mm256_sqrt_ps(a.v)}; }
DENSOR_INLINE vec<float, 8> fma(vec<float, 8> a, vec<float, 8> b, vec<float, 8> c) {
  return {_mm256_fmadd_ps(a.v, b.v, c.v)};
}
// _mm256_max_ps returns its second operand if either is NaN.
DENSOR_INLINE vec<float, 8> relu(vec<float, 8> t) { return {_mm256_max_ps(_mm256_setzero_ps(), t.v)}; }
DENSOR_INLINE vec<float, 8> keepWherePositive(vec<float, 8> z, vec<float, 8> d) {
  return {_mm256_and_ps(d.v, _mm256_cmp_ps(z.v, _mm256_setzero_ps(), _CMP_GT_OQ))};
}
DENSOR_INLINE vec<float, 8> keepWhereEqual(vec<float, 8> a, vec<float, 8> b, vec<float, 8> d) {
  return {_mm256_and_ps(d.v, _mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ))};
}
DENSOR_INLINE vec<float, 8> selectGreater(vec<float, 8> candidate, vec<float, 8> best, vec<float, 8> x,
                                          vec<float, 8> y) {
  const __m256 stays = _mm256_or_ps(_mm256_cmp_ps(candidate.v, best.v, _CMP_LE_OQ),
                                    _mm256_cmp_ps(best.v, best.v, _CMP_UNORD_Q));
  return {_mm256_blendv_ps(x.v, y.v, stays)};
}
// The unpack instructions interleave within 128-bit halves.
DENSOR_INLINE vec<float, 8> zipLow(vec<float, 8> a, vec<float, 8> b) {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.v, b.v), _mm256_unpackhi_ps(a.v, b.v), 0x20)};
}
DENSOR_INLINE vec<float, 8> zipHigh(vec<float, 8> a, vec<float, 8> b) {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.v, b.v), _mm256_unpackhi_ps(a.v, b.v), 0x31)};
}

DENSOR_INLINE __m256i firstLanes8(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
template <> DENSOR_INLINE vec<float, 8> loadFirst<vec<float, 8>>(const float *p, int count) {
  showRead(p, count < 8 ? count : 8);
  return {_mm256_maskload_ps(p, firstLanes8(count))};
}
template <> DENSOR_INLINE void storeFirst(vec<float, 8> x, float *p, int count) {
  if (count >= 8) return x.store(p);
  showWrite(p, count);
  _mm256_maskstore_ps(p, firstLanes8(count), x.v);
}
