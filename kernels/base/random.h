// Counter-based random numbers: a pure function of (seed, stream, counter), the same as in src/tensor/random.ts.
// Philox2x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
#pragma once
#include <stdint.h>

namespace densor {

// bits[k]: the random bits for counter first + k·step (modulo 2^32), for k < count.
template <int count>
inline void randomBits(uint32_t seed, uint32_t stream, uint32_t first, uint32_t step, uint32_t *bits) {
  uint32_t right[count];
  for (uint32_t k = 0; k < count; k++) bits[k] = first + k * step, right[k] = stream;
  for (int round = 0; round < 10; round++, seed += 0x9e3779b9)
    for (int k = 0; k < count; k++) {
      const uint64_t product = static_cast<uint64_t>(0xd256d193) * bits[k];
      bits[k] = static_cast<uint32_t>(product >> 32) ^ seed ^ right[k];
      right[k] = static_cast<uint32_t>(product);
    }
}

}  // namespace densor
