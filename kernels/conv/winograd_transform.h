// The three transforms of Winograd convolution F(4×4, 3×3) (Lavin and Gray 2015, arXiv 1509.09308): for the 6×6 inputs
// d of a tile, a filter g and its 4×4 outputs y,
//   y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A
// with 36 multiplications per pair of channels instead of 144.
#pragma once
#include "conv/pack.h"

namespace densor {

static_assert(WINOGRAD_TILE == 4 && WINOGRAD_POSITIONS == 36, "the transforms are those of F(4×4, 3×3)");

// Bᵀ d
template <class V> DENSOR_INLINE void transformInputs(V (&d)[6]) {
  const V four = V::splat(4), two = V::splat(2);
  const V even = d[4] - four * d[2], odd = d[3] - four * d[1];
  const V even2 = d[4] - d[2], odd2 = two * (d[3] - d[1]);
  d[0] = fma(four, d[0], d[4]) - V::splat(5) * d[2];
  d[5] = fma(four, d[1], d[5]) - V::splat(5) * d[3];
  d[1] = even + odd;
  d[2] = even - odd;
  d[3] = even2 + odd2;
  d[4] = even2 - odd2;
}

// Aᵀ m, written to the first four elements.
template <class V> DENSOR_INLINE void transformOutputs(V (&m)[6]) {
  const V sum = m[1] + m[2], difference = m[1] - m[2], sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  m[0] = m[0] + sum + sum2;
  m[1] = fma(V::splat(2), difference2, difference);
  m[2] = fma(V::splat(4), sum2, sum);
  m[3] = fma(V::splat(8), difference2, difference) + m[5];
}

// G g: three numbers become six.
template <class V> DENSOR_INLINE void transformFilter(V g0, V g1, V g2, V (&to)[6]) {
  const V sum = g0 + g2, sum4 = fma(V::splat(4), g2, g0), twice = V::splat(2) * g1;
  const V sixth = V::splat(-1.0f / 6), twentyFourth = V::splat(1.0f / 24);
  to[0] = V::splat(0.25f) * g0;
  to[1] = sixth * (sum + g1);
  to[2] = sixth * (sum - g1);
  to[3] = twentyFourth * (sum4 + twice);
  to[4] = twentyFourth * (sum4 - twice);
  to[5] = g2;
}

// Floats of the packed weights of one position: panels as those of a 1×1 convolution.
DENSOR_INLINE size_t winogradPanels(int inputs, int outputs) { return static_cast<size_t>(inputs) * roundUp(outputs, PANEL_WIDTH); }

// weight [O, C, 3, 3] times `scale` (if present) → G g Gᵀ, [36] panels, in the format of packWeights for a 1×1
// convolution. Transposed, for the input gradient: filters from O to C, rotated by 180°.
template <class V> void winogradWeights(const Context &ctx, const WinogradWeightsRecord &r, int chunk) {
  const int outputs = r.transposed ? r.inChannels : r.outChannels;
  const int depth = r.transposed ? r.outChannels : r.inChannels;
  const size_t step = winogradPanels(depth, outputs);
  float *packed = ctx.at(r.packed);
  V g[9];
  int there = 0;
  forWeights<V>(ctx, r, 9, chunk, [&](int first, int tap, int d, V weights) DENSOR_LAMBDA_INLINE {
    g[tap] = weights;
    if (++there < 9) return;
    there = 0;
    const Panel<V> panel(first, outputs, depth);
    float *to = packed + panel.block + static_cast<size_t>(d) * panel.width + panel.inside;
    V columns[3][6];
    for (int j = 0; j < 3; j++) transformFilter(g[j], g[3 + j], g[6 + j], columns[j]);
    for (int i = 0; i < 6; i++) {
      V row[6];
      transformFilter(columns[0][i], columns[1][i], columns[2][i], row);
      for (int j = 0; j < 6; j++) row[j].store(to + (6 * i + j) * step);
    }
  });
}

}  // namespace densor
