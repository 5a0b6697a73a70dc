// y = dropout(relu?(conv(prologue(x)) + bias)) and the statistics of y, for kernels of 3×3, stride 1 and padding 1, by
// minimal filtering: ⊙ summed over channels (ascending) is a matrix product for each of the 36 positions, of as many tiles as
// stay in the second cache. Rounding is coarser than in the direct sum, by the transforms' factors of up to 8. A tile's
// numbers depend on no other tile. x and y may be slices of one buffer (not overlapping).
#pragma once
#include "base/prologue.h"
#include "conv/conv2d.h"
#include "conv/pointwise.h"
#include "conv/winograd_transform.h"

namespace densor {

// Floats of one position's tiles: an odd number of cache lines, or 36 streams would share few sets of a cache.
DENSOR_INLINE int winogradPitch(int channels) { return packedPitch(paddedChannels(channels)); }
DENSOR_INLINE size_t winogradTiles(int tiles, int channels) {
  return static_cast<size_t>(tiles * winogradPitch(channels) / CHANNEL_PADDING | 1) * CHANNEL_PADDING;
}

// A map's tiles, counted along rows of tiles, image by image.
struct Tiling {
  int height, width, high, wide;

  explicit Tiling(const Size &s)
      : height(s.height), width(s.width), high((height + 3) / 4), wide((width + 3) / 4) {}
  // Of a chunk: whole rows of tiles.
  Range tiles(const Cut &work) const {
    return {(work.images.begin * high + work.rows.begin) * wide, ((work.images.end - 1) * high + work.rows.end) * wide};
  }
};

// A tile's place: outputs from (top, left) on, of which `rows` × `columns` are in the map; inputs from one pixel before.
struct Tile {
  int image, top, left, rows, columns;
  uint64_t inputs; // bit 6·i + j: row i and column j of the inputs are in the map

  Tile(const Tiling &t, int index)
      : image(index / (t.high * t.wide)), top(index / t.wide % t.high * 4), left(index % t.wide * 4),
        rows(t.height - top < 4 ? t.height - top : 4), columns(t.width - left < 4 ? t.width - left : 4), inputs(0) {
    const uint64_t row = inside(left, t.width);
    for (int i = 0; i < 6; i++) inputs |= (inside(top, t.height) >> i & 1) * row << 6 * i;
  }
  static uint64_t inside(int first, int count) {
    const int after = count - first + 1; // the first that is beyond the end
    return (after < 6 ? (1u << after) - 1 : 63u) & (first == 0 ? 62u : 63u);
  }
};

// Bᵀ d B of a tile, all channels: position k's go to to[k·step …]. load(i, j, c) → V of row i and column j of its inputs,
// where they are in the map; zero elsewhere.
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

// Aᵀ m A of a tile: finish(4 rows of 4, output) for each vector of outputs.
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

// The convolution of a chunk's tiles, `stripTiles` at a time. load(tile) → the function that transformTile loads with;
// finish(tile, 4 rows of 4 outputs, output) for each vector of them; done(row of tiles) when all of its tiles are.
template <class V, class LoadOf, class Finish, class Done>
void filterTiles(const Context &ctx, const Tiling &tiling, Range tiles, int stripTiles, int inputs, int outputs,
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
  filterTiles<V>(ctx, tiling, tiling.tiles(work), r.stripTiles, r.in.channels, outputs, ctx.at(r.packed), loadOf, finish,
                 done);
}

}  // namespace densor
