// The input gradient of a convolution: the transposed convolution of the output gradient, which is packed with zeros
// inserted for the stride, with transposed and reversed weights; then the backward pass of the prologue
// (base/grad_input.h: = or +=, aliasing). Unaligned addresses are allowed. Order of reduction: kernel rows, then
// (kernel column, output channel), ascending.
#pragma once
#include "base/grad_input.h"
#include "base/prologue.h"
#include "conv/conv2d.h"

namespace densor {

// A strip is several whole images. The stride is 1, so the transposed convolution is an ordinary one with reversed
// taps. The sums of the batch norm's gradients are computed per image, then added to those of the leaf, so their order
// does not depend on the strips.
template <class V, class T>
void conv2dGradInputOfImages(const Context &ctx, const Conv2dGradInputRecord &r, int chunk) {
  using P = Operand<T>;
  const Range images = part(r.in.images, chunk, r.chunks);
  const Window &w = r.window;
  const int pixels = r.in.height * r.in.width;
  const size_t xImage = static_cast<size_t>(pixels) * r.x.stride;
  const size_t gradientImage = static_cast<size_t>(pixels) * r.gradInput.gradient.stride;
  GradInput withoutSums = r.gradInput;
  withoutSums.sums = NO_ADDRESS;
  const InputGradient<V> end(ctx, r.prologue, r.x, withoutSums, r.in.channels, chunk);
  const size_t sumFloats = 2 * static_cast<size_t>(paddedChannels(r.in.channels)); // per image
  float *sums = ctx.at(r.gradInput.sums) ? ctx.scratchFrom() : nullptr;
  Leaf leaf(r.in.images, r.leaves, images.begin);
  const SmallConvolution<P> conv(r.out, w, static_cast<int>(w.kernelHeight - 1 - w.paddingHeight),
                                 static_cast<int>(w.kernelWidth - 1 - w.paddingWidth), r.in.channels,
                                 ctx.at<P>(r.packed));
  P *strip = ctx.scratchFrom<P>(sums ? r.stripImages * sumFloats : 0);
  for (int n = images.begin; n < images.end; n += r.stripImages) {
    const int together = n + static_cast<int>(r.stripImages) <= images.end ? r.stripImages : images.end - n;
    if (sums) __builtin_memset(sums, 0, together * sumFloats * sizeof(float));
    const Corrected<V, T> gradOutput(ctx, r.gradOutput, n, pixels);
    const T *x = ctx.at<T>(r.x, n, pixels);
    T *gradient = ctx.at<T>(r.gradInput.gradient, n, pixels);
    packImages<V>(together, pixels, conv.channels, strip, [&](int image, int pixel, int c) DENSOR_LAMBDA_INLINE {
      return gradOutput.load(static_cast<size_t>(image) * pixels + pixel, c);
    });
    convolveImages<V>(conv, strip, together,
                      [&]<int R, int B>(V(&tile)[R][B], int pixel, int first, int c) DENSOR_LAMBDA_INLINE {
                        const T *xTile = x + first * xImage + pixel * r.x.stride;
                        T *gTile = gradient + first * gradientImage + pixel * r.gradInput.gradient.stride;
                        DENSOR_UNROLL for (int b = 0; b < B; b++) DENSOR_UNROLL for (int k = 0; k < R; k++)
                            end.apply(xTile + k * xImage, gTile + k * gradientImage, c + b * V::size, Constant<1>{},
                                      [&](int) DENSOR_LAMBDA_INLINE { return tile[k][b]; },
                                      sums ? sums + (first + k) * sumFloats : nullptr);
                      });
    for (int i = 0; sums && i < together; i++) {
      leaf.moveTo(n + i);
      float *to = ctx.at(r.gradInput.sums) + leaf.index * sumFloats;
      const float *from = sums + i * sumFloats;
      const bool isFirst = n + i == leaf.images.begin;
      for (size_t k = 0; k < sumFloats; k += V::size)
        (isFirst ? V::load(from + k) : V::load(to + k) + V::load(from + k)).store(to + k);
    }
  }
}

// A strip is some rows of one image.
template <class V, class T>
void conv2dGradInputOfRows(const Context &ctx, const Conv2dGradInputRecord &r, int chunk) {
  using P = Operand<T>;
  const Range images = part(r.in.images, chunk, r.chunks);
  const Window &w = r.window;
  const InputGradient<V> end(ctx, r.prologue, r.x, r.gradInput, r.in.channels, chunk);
  const P *packed = ctx.at<P>(r.packed);
  P *inputs = ctx.scratchFrom<P>();
  const int height = r.in.height, width = r.in.width, outputs = r.out.channels;
  const size_t inPixels = static_cast<size_t>(height) * width;
  const size_t outPixels = static_cast<size_t>(r.out.height) * r.out.width;

  for (int n = images.begin; n < images.end; n++) {
    const Corrected<V, T> gradOutput(ctx, r.gradOutput, n, outPixels);
    const T *x = ctx.at<T>(r.x, n, inPixels);
    T *gradient = ctx.at<T>(r.gradInput.gradient, n, inPixels);
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
                           .columns = width + static_cast<int>(w.kernelWidth) - 1,
                           .contiguous = false};
      packStrip<V>(strip, inputs, [&](size_t pixel, int c) { return gradOutput.load(pixel, c); });
      const FilterRuns<P> runs(w.kernelHeight, w.kernelWidth, outputs, strip.pitch());
      for (int i = 0; i < rows; i++) {
        const size_t row = static_cast<size_t>(top + i) * width;
        convolveRow<V>(inputs + i * strip.pitch(), outputs, width, runs, packed, r.in.channels,
                       [&]<int R, int B>(V(&tile)[R][B], int first, int c) DENSOR_LAMBDA_INLINE {
                         const T *xTile = x + (row + first) * r.x.stride;
                         T *gTile = gradient + (row + first) * r.gradInput.gradient.stride;
                         DENSOR_UNROLL for (int b = 0; b < B; b++)
                             end.apply(xTile, gTile, c + b * V::size, Constant<R>{},
                                       [&](int k) DENSOR_LAMBDA_INLINE { return tile[k][b]; });
                       });
      }
    }
  }
}

template <class V, class T> void conv2dGradInput(const Context &ctx, const Conv2dGradInputRecord &r, int chunk) {
  return r.stripImages > 1 ? conv2dGradInputOfImages<V, T>(ctx, r, chunk) : conv2dGradInputOfRows<V, T>(ctx, r, chunk);
}

}  // namespace densor
