// The input gradient of a 3×3 convolution with stride 1 and padding 1, by Winograd convolution: a convolution of the
// output gradient with filters rotated by 180°; then the backward pass of the prologue (base/grad_input.h: = or +=,
// aliasing). Unaligned addresses are allowed. Order of reduction: output channels ascending.
#pragma once
#include "base/grad_input.h"
#include "conv/winograd.h"

namespace densor {

template <class V, class T> void winogradGradInput(const Context &ctx, const WinogradGradInputRecord &r, int chunk) {
  const Tiling tiling(r.in);
  const int width = tiling.width;
  const Range tiles = tiling.tiles(cut(r.in.images, tiling.high, chunk, r.chunks));
  const size_t pixels = static_cast<size_t>(tiling.height) * width;
  const size_t xStride = r.x.stride, gradientStride = r.gradInput.gradient.stride;
  const InputGradient<V> end(ctx, r.prologue, r.x, r.gradInput, r.in.channels, chunk);

  const auto loadOf = [&](const Tile &tile) DENSOR_LAMBDA_INLINE {
    const ptrdiff_t first = (tile.top - 1) * width + tile.left - 1;
    return [=, gradOutput = Corrected<V, T>(ctx, r.gradOutput, tile.image, pixels)](int i, int j, int c)
               DENSOR_LAMBDA_INLINE { return gradOutput.load(first + i * width + j, c); };
  };
  const auto finish = [&](const Tile &tile, V(&grid)[4][6], int c) DENSOR_LAMBDA_INLINE {
    const size_t first = static_cast<size_t>(tile.top) * width + tile.left;
    const T *x = ctx.at<T>(r.x, tile.image, pixels) + first * xStride;
    T *gradient = ctx.at<T>(r.gradInput.gradient, tile.image, pixels) + first * gradientStride;
    withConstant<4>(tile.columns, [&](auto columns) DENSOR_LAMBDA_INLINE {
      DENSOR_UNROLL for (int i = 0; i < 4; i++)
        if (i < tile.rows)
          end.apply(x + i * width * xStride, gradient + i * width * gradientStride, c, columns,
                    [&](int j) DENSOR_LAMBDA_INLINE { return grid[i][j]; });
    });
  };
  convolveTiles<V>(ctx, tiling, tiles, r.stripTiles, r.outChannels, r.in.channels, ctx.at(r.packed), loadOf, finish,
                   [](int) {});
}

}  // namespace densor
