#include "head/head.h"
#include "base/entry.h"

namespace densor {
DENSOR_MAPS(flatten, Flatten, x)
DENSOR_MAPS(flattenGradInput, FlattenGradInput, gradient)
DENSOR_WHOLE(crossEntropy, CrossEntropy)
DENSOR_WHOLE(finalizeLoss, FinalizeLoss)
DENSOR_WHOLE(crossEntropyGrad, CrossEntropyGrad)
}  // namespace densor
