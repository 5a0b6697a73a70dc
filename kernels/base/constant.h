// Compile-time constants and fully unrolled loops: arrays indexed by such a loop can stay in registers.
#pragma once
#include "base/vec.h"

#ifdef __clang__
#define DENSOR_UNROLL _Pragma("clang loop unroll(full)")
#else
#define DENSOR_UNROLL _Pragma("GCC unroll 64")
#endif

namespace densor {

template <int N> struct Constant {
  static constexpr int value = N;
  constexpr operator int() const { return N; }
};

// f(i) for i in [0, count); unrolled if count is a Constant.
template <class F> DENSOR_INLINE void forEach(int count, F f) {
  for (int i = 0; i < count; i++) f(i);
}
template <int N, class F> DENSOR_INLINE void forEach(Constant<N>, F f) {
  DENSOR_UNROLL for (int i = 0; i < N; i++) f(i);
}

}  // namespace densor
