// Running statistics, updated in place: running = (1 − momentum)·running + momentum·batch, with the unbiased variance,
// in float64. If an earlier record produced NaN or infinity, nothing is updated, so the state from before the step
// remains. Batch and running statistics do not overlap. Unaligned addresses are allowed. No reduction.
#pragma once
#include "base/math.h"
#include "base/context.h"

namespace densor {

inline void updateRunningStatistics(const Context &ctx, const UpdateRunningStatisticsRecord &r) {
  if (ctx.control->failedRecord) return;
  const float *mean = ctx.at(r.mean), *variance = ctx.at(r.variance);
  float *runningMean = ctx.at(r.runningMean), *runningVar = ctx.at(r.runningVar);
  const double keep = 1 - static_cast<double>(r.momentum);
  for (uint32_t c = 0; c < r.channels; c++) {
    const double unbiased = static_cast<double>(variance[c]) * r.unbias;
    runningMean[c] = static_cast<float>(keep * runningMean[c] + r.momentum * static_cast<double>(mean[c]));
    runningVar[c] = static_cast<float>(keep * runningVar[c] + r.momentum * unbiased);
  }
}

}  // namespace densor
