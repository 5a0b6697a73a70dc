#include "pool/pool.h"
#include "base/entry.h"

namespace densor {
DENSOR_MAPS(maxPool, MaxPool, x)
DENSOR_MAPS(maxPoolGradInput, MaxPoolGradInput, x)
DENSOR_MAPS(avgPool, AvgPool, x)
DENSOR_MAPS(avgPoolGradInput, AvgPoolGradInput, x)
}  // namespace densor
