// bfloat16: the upper half of a float32, 8 significant bits. What feature maps and their gradients are stored in where
// a view says so; nothing is computed in it. Rounded to nearest, ties to even, subnormal numbers too; NaN stays NaN (its
// payload may lie in the lower half alone: a quiet bit is set, or infinity would be left of it).
// Every instruction set rounds so, bit for bit.
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
