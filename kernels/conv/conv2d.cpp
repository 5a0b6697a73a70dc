#include "conv/conv2d.h"
#include "base/entry.h"
#include "conv/pointwise.h"

namespace densor {
DENSOR_CHUNKED(packWeights, PackWeights)
DENSOR_MAPS(conv2d, Conv2d, x)
DENSOR_MAPS(pointwise, Pointwise, x)
}  // namespace densor
