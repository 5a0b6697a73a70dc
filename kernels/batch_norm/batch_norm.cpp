#include "batch_norm/batch_norm.h"
#include "base/entry.h"

namespace densor {
DENSOR_WHOLE(coefficients, Coefficients)
DENSOR_MAPS(statistics, Statistics, x)
DENSOR_WHOLE(finalizeStatistics, FinalizeStatistics)
DENSOR_WHOLE(finalizeGradSums, FinalizeGradSums)
DENSOR_WHOLE(finalizeCorrection, FinalizeCorrection)
}  // namespace densor
