// bfloat16 dot products (AVX512_BF16): each of sixteen lanes has a pair of numbers. The instructions treat subnormal
// numbers as zero and round after each of the two additions. Operands are converted by the processor's instruction;
// stored feature maps are not, because it flushes subnormal numbers (bfloat16.h).
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
// Stores the pairs (even[i], odd[i]), lane by lane.
DENSOR_INLINE void storePairs(vec<float, 16> even, vec<float, 16> odd, Bfloat16 *p) {
  const __m512i low = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(even.v)));
  const __m512i high = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(odd.v)));
  _mm512_storeu_si512(p, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}
