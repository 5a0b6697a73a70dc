// Pairs of bfloat16 numbers in sixteen lanes (AVX512_BF16). The instructions take subnormal numbers for zero and round
// each of the two sums; what is only multiplied may be narrowed by the processor's own conversion, what is stored may not
// (bfloat16.h).
#pragma once
#include "base/vec.h"

#define DENSOR_PAIRS

struct Pairs16 {
  __m512bh v;

  static DENSOR_INLINE Pairs16 load(const Bfloat16 *p) { return {reinterpret_cast<__m512bh>(_mm512_loadu_si512(p))}; }
  static DENSOR_INLINE Pairs16 broadcast(const Bfloat16 *p) {
    int pair;
    __builtin_memcpy(&pair, p, 4);
    return {reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair))};
  }
};
template <> struct Lanes<vec<float, 16>, Bfloat16> {
  using type = Pairs16;
  static constexpr int depth = 2;
};
DENSOR_INLINE vec<float, 16> fma(Pairs16 a, Pairs16 b, vec<float, 16> c) {
  return {_mm512_dpbf16_ps(c.v, a.v, b.v)};
}
DENSOR_INLINE void storeOperand(vec<float, 16> x, Bfloat16 *p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(p), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x.v)));
}
// Lane by lane the pairs (even, odd).
DENSOR_INLINE void storePairs(vec<float, 16> even, vec<float, 16> odd, Bfloat16 *p) {
  const __m512i low = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(even.v)));
  const __m512i high = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(odd.v)));
  _mm512_storeu_si512(p, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}
