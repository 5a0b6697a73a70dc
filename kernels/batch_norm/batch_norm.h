// Batch norm outside its consumers' prologues: statistics of a feature map, and operations on per-channel vectors.
// finalizeGradSums computes each gradient as = or += (bits of `accumulate`); everything else is =. Inputs and outputs
// do not overlap. Unaligned addresses are allowed. Order of reduction: statistics as in base/statistics.h; the finalize
// records then merge partials in ascending order, in float64. With several ranks, `gather` records copy the partials of
// all ranks before them.
#pragma once
#include "base/math.h"
#include "base/statistics.h"

namespace densor {

// scale = γ/√(variance + eps), shift = β − scale·(mean − bias)
inline void coefficients(const Context &ctx, const CoefficientsRecord &r) {
  const float *mean = ctx.at(r.mean), *variance = ctx.at(r.variance), *gamma = ctx.at(r.gamma), *beta = ctx.at(r.beta);
  const float *bias = ctx.at(r.bias);
  float *scale = ctx.at(r.scale), *shift = ctx.at(r.shift);
  for (uint32_t c = 0; c < r.channels; c++) {
    const double a = gamma[c] / __builtin_sqrt(static_cast<double>(variance[c]) + r.eps);
    scale[c] = static_cast<float>(a);
    shift[c] = static_cast<float>(beta[c] - a * (bias ? static_cast<double>(mean[c]) - bias[c] : mean[c]));
  }
}

// A chunk is some images; partials[chunk] = mean and M2 of each channel.
template <class V, class T> void statistics(const Context &ctx, const StatisticsRecord &r, int chunk) {
  const Range images = part(r.size.images, chunk, r.chunks);
  const int width = r.size.width;
  const size_t pixels = static_cast<size_t>(r.size.height) * width;
  float *partial = statisticsPartial(ctx, r.partials, chunk, r.size.channels);
  int gathered = 0;
  for (int n = images.begin; n < images.end; n++)
    for (size_t row = 0; row < pixels; row += width, gathered += width)
      gatherStatistics<V>(ctx.at<T>(r.x, n, pixels) + row * r.x.stride, r.x.stride, width, r.size.channels, partial,
                          gathered);
}

// Partial k has the statistics of part k of the images: mean and biased variance of all (Chan et al. 1979).
inline void finalizeStatistics(const Context &ctx, const FinalizeStatisticsRecord &r) {
  const int channels = r.size.channels, padded = paddedChannels(channels);
  float *means = ctx.at(r.mean), *variances = ctx.at(r.variance);
  bool finite = true;
  for (int c = 0; c < channels; c++) {
    double mean = 0, m2 = 0, count = 0;
    for (uint32_t k = 0; k < r.partialCount; k++) {
      const float *partial = statisticsPartial(ctx, r.partials, k, channels);
      const Range images = part(r.size.images, k, r.partialCount);
      const double more = static_cast<double>(images.end - images.begin) * r.size.height * r.size.width;
      const double delta = partial[c] - mean, all = count + more;
      mean += delta * more / all;
      m2 += partial[padded + c] + delta * delta * count * more / all;
      count = all;
    }
    means[c] = static_cast<float>(mean);
    variances[c] = static_cast<float>(m2 / count);
    finite = finite && isFinite(means[c]) && isFinite(variances[c]);
  }
  if (!finite) ctx.fail();
}

// With s = Σdz and t = Σdz·(x − mean), r = 1/√(variance + eps):
// dβ = s, dγ = r·t, dmean = −γ·r·s, dvariance = −½·γ·r³·t.
inline void finalizeGradSums(const Context &ctx, const FinalizeGradSumsRecord &r) {
  const int channels = r.channels, padded = paddedChannels(channels);
  const float *sums = ctx.at(r.sums), *variance = ctx.at(r.variance), *gamma = ctx.at(r.gamma);
  float *const to[4] = {ctx.at(r.gradGamma), ctx.at(r.gradBeta), ctx.at(r.gradMean), ctx.at(r.gradVariance)};
  bool finite = true;
  for (int c = 0; c < channels; c++) {
    double s = 0, t = 0;
    for (uint32_t k = 0; k < r.partialCount; k++) {
      s += sums[static_cast<size_t>(k) * 2 * padded + c];
      t += sums[(static_cast<size_t>(k) * 2 + 1) * padded + c];
    }
    const double inverse = 1 / __builtin_sqrt(static_cast<double>(variance[c]) + r.eps);
    const double gradients[4] = {inverse * t, s, -gamma[c] * inverse * s,
                                 -0.5 * gamma[c] * inverse * inverse * inverse * t};
    for (int k = 0; k < 4; k++) {
      to[k][c] = static_cast<float>((r.accumulate >> k & 1 ? to[k][c] : 0) + gradients[k]);
      finite = finite && isFinite(to[k][c]);
    }
  }
  if (!finite) ctx.fail();
}

// slope = 2·gradVariance/m, intercept = gradMean/m − slope·mean, with m = N·H·W (see Corrected in base/prologue.h).
inline void finalizeCorrection(const Context &ctx, const FinalizeCorrectionRecord &r) {
  const float *mean = ctx.at(r.mean), *gradMean = ctx.at(r.gradMean), *gradVariance = ctx.at(r.gradVariance);
  float *slope = ctx.at(r.slope), *intercept = ctx.at(r.intercept);
  const double count = static_cast<double>(r.size.images) * r.size.height * r.size.width;
  for (uint32_t c = 0; c < r.size.channels; c++) {
    const double p = 2 * gradVariance[c] / count;
    slope[c] = static_cast<float>(p);
    intercept[c] = static_cast<float>(gradMean[c] / count - p * mean[c]);
  }
}

}  // namespace densor
