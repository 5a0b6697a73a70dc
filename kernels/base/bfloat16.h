// bfloat16: the upper half of a float32, 8 significant bits. A storage type of feature maps and their gradients
// (View::elementBytes = 2); arithmetic is in float32. Rounding is to nearest, ties to even, including subnormal
// numbers, and bit-identical on all instruction sets. NaN stays NaN: the quiet bit is set, because a NaN whose payload
// is only in the lower half would become infinity.
#pragma once
#include <stdint.h>

struct Bfloat16 {
  uint16_t bits;
};

inline float widen(Bfloat16 x) {
  const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
  float wide;
  __builtin_memcpy(&wide, &bits, 4);
  return wide;
}

inline Bfloat16 narrow(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  const uint32_t rounded = x != x ? bits | 0x400000 : bits + 0x7fff + (bits >> 16 & 1);
  return {static_cast<uint16_t>(rounded >> 16)};
}
