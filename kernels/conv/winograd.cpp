#include "conv/winograd.h"
#include "base/entry.h"
#include "conv/winograd_grad_input.h"

namespace densor {
DENSOR_CHUNKED(winogradWeights, WinogradWeights)
DENSOR_MAPS(winograd, Winograd, x)
DENSOR_MAPS(winogradGradInput, WinogradGradInput, x)
}  // namespace densor
