#include "conv/conv2d_grad_weight.h"
#include "base/entry.h"

namespace densor {
DENSOR_MAPS(conv2dGradWeight, Conv2dGradWeight, x)
DENSOR_CHUNKED(reduceGradWeight, ReduceGradWeight)
}  // namespace densor
