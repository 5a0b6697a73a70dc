#include "conv/conv2d_max_pool.h"
#include "base/entry.h"

namespace densor {
DENSOR_MAPS(conv2dMaxPool, Conv2dMaxPool, x)
DENSOR_MAPS(conv2dMaxPoolGradWeight, Conv2dMaxPoolGradWeight, x)
}  // namespace densor
