// The gradient of a convolution's input: the transposed convolution of the output's gradient, which is packed
// dilated by the stride, with the weights packed transposed and reversed; then the prologue's backward.
#pragma once
#include "base/grad_input.h"
#include "base/prologue.h"
#include "conv/conv2d.h"

namespace densor {

template <class V> void conv2dGradInput(const Context &ctx, const Conv2dGradInputRecord &r, int chunk) {
  const Range images = part(r.in.images, chunk, r.chunks);
  const Window &w = r.window;
  const InputGradient<V> end(ctx, r.prologue, r.x, r.gradInput, r.in.channels, chunk);
  const float *packed = ctx.at(r.packed);
  const int height = r.in.height, width = r.in.width, outputs = r.out.channels;
  const size_t inPixels = static_cast<size_t>(height) * width;
  const size_t outPixels = static_cast<size_t>(r.out.height) * r.out.width;

  for (int n = images.begin; n < images.end; n++) {
    const Corrected<V> gradOutput(ctx, r.gradOutput, n, outPixels);
    const float *x = ctx.at(r.x, n, inPixels);
    float *gradient = ctx.at(r.gradInput.gradient, n, inPixels);
    for (int top = 0; top < height; top += r.stripRows) {
      const int rows = top + static_cast<int>(r.stripRows) <= height ? r.stripRows : height - top;
      const Strip strip = {.height = static_cast<int>(r.out.height),
                           .width = static_cast<int>(r.out.width),
                           .channels = outputs,
                           .dilationHeight = static_cast<int>(w.strideHeight),
                           .dilationWidth = static_cast<int>(w.strideWidth),
                           .firstRow = top - static_cast<int>(w.kernelHeight - 1) + static_cast<int>(w.paddingHeight),
                           .firstColumn = -static_cast<int>(w.kernelWidth - 1) + static_cast<int>(w.paddingWidth),
                           .rows = rows + static_cast<int>(w.kernelHeight) - 1,
                           .columns = width + static_cast<int>(w.kernelWidth) - 1};
      packStrip<V>(strip, ctx.scratch, [&](size_t pixel, int c) { return gradOutput.load(pixel, c); });
      for (int i = 0; i < rows; i++) {
        const size_t row = static_cast<size_t>(top + i) * width;
        convolveRow<V>(ctx.scratch + i * strip.pitch(), strip.pitch(), outputs, width, w.kernelHeight,
                       static_cast<int>(w.kernelWidth) * outputs, packed, r.in.channels,
                       [&]<int R, int B>(V(&tile)[R][B], int first, int c) DENSOR_LAMBDA_INLINE {
                         const float *xTile = x + (row + first) * r.x.stride;
                         float *gTile = gradient + (row + first) * r.gradInput.gradient.stride;
                         DENSOR_UNROLL for (int b = 0; b < B; b++)
                             end.apply(xTile, gTile, c + b * V::size, Constant<R>{},
                                       [&](int k) DENSOR_LAMBDA_INLINE { return tile[k][b]; });
                       });
      }
    }
  }
}

}  // namespace densor
