#include "update/update.h"
#include "base/entry.h"
#include "update/optimizer.h"

namespace densor {
DENSOR_WHOLE(updateRunningStatistics, UpdateRunningStatistics)
DENSOR_CHUNKED(sumSquares, SumSquares)
DENSOR_WHOLE(clipScale, ClipScale)
DENSOR_CHUNKED(sgd, Sgd)
DENSOR_CHUNKED(adamw, Adamw)
DENSOR_CHUNKED(movingAverage, MovingAverage)
DENSOR_CHUNKED(storeGradients, StoreGradients)
}  // namespace densor
