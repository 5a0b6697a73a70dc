#include "conv/conv2d_grad_input.h"
#include "base/entry.h"

namespace densor {
DENSOR_MAPS(conv2dGradInput, Conv2dGradInput, x)
}  // namespace densor
