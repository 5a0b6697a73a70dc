// Measures the peak rates of the machine for the roofline of `densor profile`. All threads call a kernel concurrently,
// each with its own memory, which the caller has filled with small numbers, and a shared control block.
#pragma once
#include "base/barrier.h"
#include "base/clock.h"

namespace densor {

// Twelve independent chains of fma: enough for two FMA units with a latency of 5 cycles, and few enough that V8 does
// not spill registers.
constexpr int PEAK_CHAINS = 12, PEAK_UNROLL = 4;

// Total work of all threads per millisecond. Measured between two barriers, so it excludes the time to wake threads.
template <class Work> double peakRate(Control *control, uint32_t threads, Work work) {
  barrier(control, threads);
  const double started = now();
  const double done = work() * threads;
  barrier(control, threads);
  return done / (now() - started);
}

// x = a·x + b, repeats·PEAK_UNROLL times in every chain. Reads the first 13 vectors of `memory` and writes the first
// 12. Returns the number of floating-point operations.
template <class V> double peakMultiplyAdd(float *memory, uint32_t repeats) {
  V x[PEAK_CHAINS];
  for (int k = 0; k < PEAK_CHAINS; k++) x[k] = V::load(memory + k * V::size);
  const V a = V::splat(0.5f), b = V::load(memory + PEAK_CHAINS * V::size);
  for (uint32_t i = 0; i < repeats; i++)
    for (int unroll = 0; unroll < PEAK_UNROLL; unroll++)
      for (int k = 0; k < PEAK_CHAINS; k++) x[k] = fma(a, x[k], b);
  for (int k = 0; k < PEAK_CHAINS; k++) x[k].store(memory + k * V::size);
  return 2.0 * V::size * PEAK_CHAINS * PEAK_UNROLL * repeats;
}

// Sums all of `memory`, a multiple of 16 vectors; writes the sum to its first vector. Returns the bytes read.
template <class V> double peakRead(float *memory, uint32_t floats) {
  constexpr int CHAINS = 8;
  V sum[CHAINS];
  for (int k = 0; k < CHAINS; k++) sum[k] = V::splat(0);
  for (uint32_t i = 0; i < floats; i += CHAINS * V::size)
    for (int k = 0; k < CHAINS; k++) sum[k] = sum[k] + V::load(memory + i + k * V::size);
  for (int k = 1; k < CHAINS; k++) sum[0] = sum[0] + sum[k];
  (sum[0] * V::splat(1.0f / static_cast<float>(floats))).store(memory);
  return 4.0 * floats;
}

// a = b + ½·c, where a, b and c are the thirds of memory (the triad of McCalpin's STREAM benchmark). Returns the bytes
// read and written.
template <class V> double peakTriad(float *memory, uint32_t floats) {
  constexpr int UNROLL = 4;
  const uint32_t third = floats / 3 / (UNROLL * V::size) * (UNROLL * V::size);
  float *a = memory;
  const float *b = a + third, *c = b + third;
  const V half = V::splat(0.5f);
  for (uint32_t i = 0; i < third; i += UNROLL * V::size)
    for (int k = 0; k < UNROLL; k++) {
      const uint32_t at = i + k * V::size;
      fma(half, V::load(c + at), V::load(b + at)).store(a + at);
    }
  return 12.0 * third;
}

template <class V> double peak(PeakKernel kernel, float *memory, uint32_t amount) {
  switch (kernel) {
    case PeakKernel::peakMultiplyAdd: return peakMultiplyAdd<V>(memory, amount);
    case PeakKernel::peakRead: return peakRead<V>(memory, amount);
    case PeakKernel::peakTriad: return peakTriad<V>(memory, amount);
  }
  return 0;
}

}  // namespace densor
