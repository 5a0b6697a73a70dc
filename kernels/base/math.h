// exp, log and isFinite without the C library, so results are bit-identical on all engines.
#pragma once
#include <stdint.h>

namespace densor {

inline double fromBits(uint64_t bits) {
  double x;
  __builtin_memcpy(&x, &bits, 8);
  return x;
}

inline uint64_t toBits(double x) {
  uint64_t bits;
  __builtin_memcpy(&bits, &x, 8);
  return bits;
}

// e^x; 0 for x < −708, infinity for x > 709, NaN for NaN. Argument reduction to |r| <= ln 2 / 2 with ln 2 in two parts
// (Cody and Waite 1980), then a Taylor polynomial of degree 13: relative error below 1e-15.
inline double exponential(double x) {
  if (x != x) return x;
  if (x < -708) return 0;
  if (x > 709) return fromBits(0x7ff0000000000000);
  const double n = __builtin_floor(x * 1.4426950408889634 + 0.5);
  const double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
  double sum = 1;
  for (int k = 13; k >= 1; k--) sum = 1 + sum * r / k;
  return sum * fromBits(static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52);
}

// ln x for normal x > 0; −infinity for 0, NaN for negative x. x = m·2^e with m in (√½, √2], and
// ln m = 2·artanh((m − 1)/(m + 1)), as a power series to degree 21.
inline double logarithm(double x) {
  if (!(x > 0)) return x == 0 ? -fromBits(0x7ff0000000000000) : x - x + fromBits(0x7ff8000000000000);
  if (x == fromBits(0x7ff0000000000000)) return x;
  uint64_t bits = toBits(x);
  int64_t exponent = static_cast<int64_t>(bits >> 52) - 1023;
  double m = fromBits((bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL);
  if (m > 1.4142135623730951) m /= 2, exponent++;
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double sum = 0;
  for (int k = 21; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
  return 2 * s * sum + static_cast<double>(exponent) * 0.6931471805599453;
}

inline bool isFinite(float x) { return x - x == 0; }

}  // namespace densor
