#include "elementwise/elementwise.h"
#include "base/entry.h"
#include "dropout/dropout.h"

namespace densor {
DENSOR_MAPS(elementwise, Elementwise, x)
DENSOR_MAPS(elementwiseGradInput, ElementwiseGradInput, x)
DENSOR_MAPS(dropout, Dropout, y)
}  // namespace densor
