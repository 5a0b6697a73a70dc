// y = dropout(relu?(conv(prologue(x)) + bias)) and optionally the statistics of y (order: base/statistics.h), for a 3×3
// kernel with stride 1 and padding 1, by Winograd convolution: the elementwise products, summed over channels, are a
// matrix product for each of the 36 positions of a tile. A strip is as many tiles as fit into the L2 cache. Rounding
// errors are larger than in the direct sum, because the transforms have factors up to 8. The results of a tile do not
// depend on other tiles. x and y may be slices of one buffer that do not overlap. Unaligned addresses are allowed.
// Order of reduction: channels ascending.
#pragma once
#include "base/prologue.h"
#include "conv/conv2d.h"
#include "conv/pointwise.h"
#include "conv/winograd_transform.h"

namespace densor {

// Floats of the tiles of one position: an odd number of cache lines, because the 36 streams would otherwise map to few
// cache sets.
DENSOR_INLINE int winogradPitch(int channels) { return packedPitch(paddedChannels(channels)); }
DENSOR_INLINE size_t winogradTiles(int tiles, int channels) {
  return static_cast<size_t>(tiles * winogradPitch(channels) / CHANNEL_PADDING | 1) * CHANNEL_PADDING;
}

// The 4×4 tiles of a feature map, numbered along rows of tiles, image by image.
struct Tiling {
  int height, width, high, wide;

  explicit Tiling(const Size &s)
      : height(s.height), width(s.width), high((height + 3) / 4), wide((width + 3) / 4) {}
  // The tiles of a chunk: whole rows of tiles.
  Range tiles(const Cut &work) const {
    return {(work.images.begin * high + work.rows.begin) * wide, ((work.images.end - 1) * high + work.rows.end) * wide};
  }
};

// The position of a tile: 4×4 outputs from (top, left) on, of which `rows` × `columns` are inside the map; 6×6 inputs
// from (top − 1, left − 1) on.
struct Tile {
  int image, top, left, rows, columns;
  uint64_t inputs; // bit 6·i + j: the input in row i and column j is inside the map

  Tile(const Tiling &t, int index)
      : image(index / (t.high * t.wide)), top(index / t.wide % t.high * 4), left(index % t.wide * 4),
        rows(t.height - top < 4 ? t.height - top : 4), columns(t.width - left < 4 ? t.width - left : 4), inputs(0) {
    const uint64_t row = inside(left, t.width);
    for (int i = 0; i < 6; i++) inputs |= (inside(top, t.height) >> i & 1) * row << 6 * i;
  }
  static uint64_t inside(int first, int count) {
    const int after = count - first + 1; // the first index after the end of the map
    return (after < 6 ? (1u << after) - 1 : 63u) & (first == 0 ? 62u : 63u);
  }
};

// Bᵀ d B of a tile, for all channels; position k is written to to[k·step …]. load(i, j, c) → V, the input in row i and
// column j, is called inside the map; elsewhere inputs are zero.
template <class V, class Load>
DENSOR_INLINE void transformTile(const Tile &tile, int channels, float *to, size_t step, Load load) {
  for (int c = 0; c < channels; c += V::size) {
    V grid[6][6];
    DENSOR_UNROLL for (int j = 0; j < 6; j++) {
      V column[6];
      DENSOR_UNROLL for (int i = 0; i < 6; i++) column[i] = tile.inputs >> (6 * i + j) & 1 ? load(i, j, c) : V::splat(0);
      transformInputs(column);
      DENSOR_UNROLL for (int i = 0; i < 6; i++) grid[i][j] = column[i];
    }
    DENSOR_UNROLL for (int i = 0; i < 6; i++) {
      transformInputs(grid[i]);
      DENSOR_UNROLL for (int j = 0; j < 6; j++) grid[i][j].store(to + (6 * i + j) * step + c);
    }
  }
}

// Aᵀ m A of a tile: calls finish(grid, output) for each vector of output channels; the first 4 columns of grid are
// used.
template <class V, class Finish>
DENSOR_INLINE void transformProducts(const float *products, size_t step, int outputs, Finish finish) {
  for (int o = 0; o < outputs; o += V::size) {
    V grid[4][6];
    DENSOR_UNROLL for (int j = 0; j < 6; j++) {
      V column[6];
      DENSOR_UNROLL for (int i = 0; i < 6; i++) column[i] = V::load(products + (6 * i + j) * step + o);
      transformOutputs(column);
      DENSOR_UNROLL for (int i = 0; i < 4; i++) grid[i][j] = column[i];
    }
    DENSOR_UNROLL for (int i = 0; i < 4; i++) transformOutputs(grid[i]);
    finish(grid, o);
  }
}

// The convolution of the tiles of a chunk, `stripTiles` at a time. loadOf(tile) → the `load` for transformTile. Calls
// finish(tile, grid, output) for each vector of output channels, and done(row of tiles) when all tiles of a row are
// complete.
template <class V, class LoadOf, class Finish, class Done>
void convolveTiles(const Context &ctx, const Tiling &tiling, Range tiles, int stripTiles, int inputs, int outputs,
                   const float *weights, LoadOf loadOf, Finish finish, Done done) {
  const int inPitch = winogradPitch(inputs), outPitch = winogradPitch(outputs);
  const size_t inStep = winogradTiles(stripTiles, inputs), outStep = winogradTiles(stripTiles, outputs);
  const size_t panels = winogradPanels(inputs, outputs);
  float *transformed = ctx.scratch, *products = transformed + WINOGRAD_POSITIONS * inStep;
  const FilterRuns<float> runs(1, 1, inputs, 0);
  int row = tiles.begin / tiling.wide;

  for (int begin = tiles.begin; begin < tiles.end; begin += stripTiles) {
    const int end = begin + stripTiles <= tiles.end ? begin + stripTiles : tiles.end, count = end - begin;
    for (int t = 0; t < count; t++) {
      const Tile tile(tiling, begin + t);
      transformTile<V>(tile, inputs, transformed + static_cast<size_t>(t) * inPitch, inStep, loadOf(tile));
    }
    for (int k = 0; k < WINOGRAD_POSITIONS; k++) {
      float *out = products + k * outStep;
      convolveRow<V>(transformed + k * inStep, inPitch, count, runs, weights + k * panels, outputs,
                     [&]<int R, int B>(V(&tile)[R][B], int first, int o) DENSOR_LAMBDA_INLINE {
                       DENSOR_UNROLL for (int b = 0; b < B; b++) DENSOR_UNROLL for (int i = 0; i < R; i++)
                           tile[i][b].store(out + static_cast<size_t>(first + i) * outPitch + o + b * V::size);
                     });
    }
    for (int t = 0; t < count; t++) {
      const Tile tile(tiling, begin + t);
      transformProducts<V>(products + static_cast<size_t>(t) * outPitch, outStep, outputs,
                           [&](V(&grid)[4][6], int o) DENSOR_LAMBDA_INLINE { finish(tile, grid, o); });
    }
    for (; row < end / tiling.wide; row++) done(row);
  }
}

template <class V, class T> void winograd(const Context &ctx, const WinogradRecord &r, int chunk) {
  const Tiling tiling(r.in);
  const int width = tiling.width, outputs = r.outChannels;
  const Cut work = cut(r.in.images, tiling.high, chunk, r.chunks);
  const size_t pixels = static_cast<size_t>(tiling.height) * width, xStride = r.x.stride, yStride = r.y.stride;
  const float *bias = ctx.at(r.bias);
  const Prologued<V> prologue(ctx, r.prologue);
  const Activation<V> activation{r.relu != 0};
  const DropoutMask mask(ctx, r.dropout, {r.in.images, r.in.height, r.in.width, r.outChannels});
  float *statistics = statisticsPartial(ctx, r.statistics, chunk, outputs);
  int gathered = 0;

  const auto loadOf = [&](const Tile &tile) DENSOR_LAMBDA_INLINE {
    const ptrdiff_t first = (tile.top - 1) * width + tile.left - 1;
    const T *x = ctx.at<T>(r.x, tile.image, pixels) + first * static_cast<ptrdiff_t>(xStride);
    return [=, &prologue](int i, int j, int c) DENSOR_LAMBDA_INLINE {
      return prologue.loadAhead(x + (i * width + j) * xStride, c, xStride);
    };
  };
  const auto finish = [&](const Tile &tile, V(&grid)[4][6], int o) DENSOR_LAMBDA_INLINE {
    const V shift = bias ? loadFirst<V>(bias + o, outputs - o) : V::splat(0);
    T *y = ctx.at<T>(r.y, tile.image, pixels) + static_cast<size_t>(tile.top * width + tile.left) * yStride + o;
    DENSOR_UNROLL for (int i = 0; i < 4; i++) DENSOR_UNROLL for (int j = 0; j < 4; j++)
        if (i < tile.rows && j < tile.columns)
          storeFirst(activation(grid[i][j] + shift, o), y + (i * width + j) * yStride, outputs - o);
  };
  const auto done = [&](int row) {
    const int n = row / tiling.high, top = row % tiling.high * 4;
    for (int i = top; i < top + 4 && i < tiling.height; i++) {
      T *y = ctx.at<T>(r.y, n, pixels) + static_cast<size_t>(i) * width * yStride;
      mask.apply<V>(y, yStride, n, i * width, width);
      if (statistics) gatherStatistics<V>(y, yStride, width, outputs, statistics, gathered);
      gathered += width;
    }
  };
  convolveTiles<V>(ctx, tiling, tiling.tiles(work), r.stripTiles, r.in.channels, outputs, ctx.at(r.packed), loadOf,
                   finish, done);
}

}  // namespace densor
