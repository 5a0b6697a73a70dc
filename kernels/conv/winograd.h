// y = relu?(conv(prologue(x)) + bias) for kernels of 3×3, stride 1 and padding 1, by minimal filtering F(4×4, 3×3) (Lavin
// and Gray 2015, arXiv 1509.09308): a tile of 4×4 outputs takes 36 multiplications for each pair of channels, not 144.
// Of a tile's 6×6 inputs d, the filter g and its outputs y:
//   y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A
// where ⊙, summed over channels (ascending), is a matrix product for each of the 36 positions. Rounding is coarser than
// in the direct sum, by the transforms' factors of up to 8: for inference. A tile's numbers depend on no other tile. x
// and y may be slices of one buffer (not overlapping).
#pragma once
#include "base/prologue.h"
#include "conv/conv2d.h"
#include "conv/pointwise.h"

namespace densor {

constexpr int WINOGRAD_POSITIONS = 36;

// Bᵀ d
template <class V> DENSOR_INLINE void transformInputs(V (&d)[6]) {
  const V four = V::splat(4), two = V::splat(2);
  const V even = d[4] - four * d[2], odd = d[3] - four * d[1];
  const V even2 = d[4] - d[2], odd2 = two * (d[3] - d[1]);
  d[0] = fma(four, d[0], d[4]) - V::splat(5) * d[2];
  d[5] = fma(four, d[1], d[5]) - V::splat(5) * d[3];
  d[1] = even + odd;
  d[2] = even - odd;
  d[3] = even2 + odd2;
  d[4] = even2 - odd2;
}

// Aᵀ m: the first four.
template <class V> DENSOR_INLINE void transformOutputs(V (&m)[6]) {
  const V sum = m[1] + m[2], difference = m[1] - m[2], sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  m[0] = m[0] + sum + sum2;
  m[1] = fma(V::splat(2), difference2, difference);
  m[2] = fma(V::splat(4), sum2, sum);
  m[3] = fma(V::splat(8), difference2, difference) + m[5];
}

// G g: three numbers to six.
DENSOR_INLINE void transformFilter(float g0, float g1, float g2, float *to, int step) {
  const float sum = g0 + g2, sum4 = g0 + 4 * g2;
  to[0] = g0 / 4;
  to[step] = -(sum + g1) / 6;
  to[2 * step] = -(sum - g1) / 6;
  to[3 * step] = (sum4 + 2 * g1) / 24;
  to[4 * step] = (sum4 - 2 * g1) / 24;
  to[5 * step] = g2;
}

// Floats of one position's weights: those of a 1×1 convolution, in panels.
DENSOR_INLINE size_t winogradPanels(int inputs, int outputs) { return static_cast<size_t>(inputs) * roundUp(outputs, 32); }

// weight [O, C, 3, 3] times `scale` (if any) → G g Gᵀ: for each position the panels that packWeights makes of a 1×1
// convolution's. Chunks cut the channels.
template <class V> void winogradWeights(const Context &ctx, const WinogradWeightsRecord &r, int chunk) {
  constexpr int block = V::tileBlocks * V::size;
  const int inputs = r.inChannels, outputs = r.outChannels;
  const size_t step = winogradPanels(inputs, outputs);
  const float *scale = ctx.at(r.scale);
  const Range range = part(inputs, chunk, r.chunks);
  for (int o = 0; o < roundUp(outputs, V::size); o++) {
    const int blockStart = o / block * block, left = outputs - blockStart;
    const int width = left < block ? roundUp(left, V::size) : block;
    float *panel = ctx.at(r.packed) + static_cast<size_t>(blockStart) * inputs + (o - blockStart);
    const float factor = scale && o < outputs ? scale[o] : 1;
    for (int c = range.begin; c < range.end; c++) {
      float g[9] = {}, half[18], all[WINOGRAD_POSITIONS];
      const float *weight = ctx.at(r.weight) + (static_cast<size_t>(o) * inputs + c) * 9;
      for (int k = 0; k < 9 && o < outputs; k++) g[k] = factor * weight[k];
      for (int j = 0; j < 3; j++) transformFilter(g[j], g[3 + j], g[6 + j], half + j, 3);
      for (int i = 0; i < 6; i++) transformFilter(half[3 * i], half[3 * i + 1], half[3 * i + 2], all + 6 * i, 1);
      for (int k = 0; k < WINOGRAD_POSITIONS; k++) panel[k * step + static_cast<size_t>(c) * width] = all[k];
    }
  }
}

// Floats of one position's tiles: an odd number of cache lines, or 36 streams would share few sets of a cache.
DENSOR_INLINE int winogradPitch(int channels) { return packedPitch(paddedChannels(channels)); }
DENSOR_INLINE size_t winogradTiles(int tiles, int channels) {
  return static_cast<size_t>(tiles * winogradPitch(channels) / 16 | 1) * 16;
}

// One map's tiles.
struct Tiling {
  int height, width, high, wide;

  explicit Tiling(const Size &s)
      : height(s.height), width(s.width), high((height + 3) / 4), wide((width + 3) / 4) {}
  int image(int tile) const { return tile / (high * wide); }
  // Of the tile's first output.
  int top(int tile) const { return tile / wide % high * 4; }
  int left(int tile) const { return tile % wide * 4; }
  // Of six rows and columns from these on.
  bool reachesOut(int row, int column) const { return row < 0 || column < 0 || row + 6 > height || column + 6 > width; }
};

// Bᵀ d B of a tile, all channels: position k's go to to[k·step …]. load(i, j, c) → V of row i and column j of its inputs.
template <class V, class Load> void transformTile(int channels, float *to, size_t step, Load load) {
  for (int c = 0; c < channels; c += V::size) {
    V grid[6][6];
    DENSOR_UNROLL for (int j = 0; j < 6; j++) {
      V column[6];
      DENSOR_UNROLL for (int i = 0; i < 6; i++) column[i] = load(i, j, c);
      transformInputs(column);
      DENSOR_UNROLL for (int i = 0; i < 6; i++) grid[i][j] = column[i];
    }
    DENSOR_UNROLL for (int i = 0; i < 6; i++) {
      transformInputs(grid[i]);
      DENSOR_UNROLL for (int j = 0; j < 6; j++) grid[i][j].store(to + (6 * i + j) * step + c);
    }
  }
}

// The same where tiles reach beyond the map: their inputs are gathered in `patch` first, [6][6][pitch], with zeros.
template <class V, class Load>
void transformEdgeTile(const Tiling &tiling, int top, int left, int channels, float *patch, int pitch, float *to, size_t step,
                       Load load) {
  for (int k = 0; k < WINOGRAD_POSITIONS; k++) {
    const int row = k / 6, column = k % 6;
    const bool there = top + row >= 0 && top + row < tiling.height && left + column >= 0 && left + column < tiling.width;
    for (int c = 0; c < channels; c += V::size) (there ? load(row, column, c) : V::splat(0)).store(patch + k * pitch + c);
  }
  transformTile<V>(channels, to, step, [&](int i, int j, int c) DENSOR_LAMBDA_INLINE {
    return V::load(patch + (6 * i + j) * pitch + c);
  });
}

// Aᵀ m A of a tile: finish(4 rows of 4, output) for each vector of outputs.
template <class V, class Finish>
void transformProducts(const float *products, size_t step, int outputs, Finish finish) {
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

template <class V, class T> void winograd(const Context &ctx, const WinogradRecord &r, int chunk) {
  const Tiling tiling(r.in);
  const int inputs = r.in.channels, outputs = r.outChannels;
  const Range tiles = part(static_cast<int>(r.in.images) * tiling.high * tiling.wide, chunk, r.chunks);
  const size_t pixels = static_cast<size_t>(tiling.height) * tiling.width;
  const int inPitch = winogradPitch(inputs), outPitch = winogradPitch(outputs);
  const size_t inStep = winogradTiles(r.stripTiles, inputs), outStep = winogradTiles(r.stripTiles, outputs);
  float *transformed = ctx.scratch, *products = transformed + WINOGRAD_POSITIONS * inStep;
  float *patch = products + WINOGRAD_POSITIONS * outStep;
  const size_t panels = winogradPanels(inputs, outputs), xStride = r.x.stride;
  const float *weights = ctx.at(r.packed), *bias = ctx.at(r.bias);
  const Prologued<V> prologue(ctx, r.prologue);
  const Activation<V> activation{r.relu != 0};

  for (int begin = tiles.begin; begin < tiles.end; begin += r.stripTiles) {
    const int count = begin + static_cast<int>(r.stripTiles) <= tiles.end ? r.stripTiles : tiles.end - begin;
    for (int t = 0; t < count; t++) {
      const int top = tiling.top(begin + t) - 1, left = tiling.left(begin + t) - 1;
      const T *x = ctx.at<T>(r.x, tiling.image(begin + t), pixels) +
                   (static_cast<ptrdiff_t>(top) * tiling.width + left) * static_cast<ptrdiff_t>(xStride);
      float *to = transformed + static_cast<size_t>(t) * inPitch;
      const auto load = [&](int i, int j, int c) DENSOR_LAMBDA_INLINE {
        return prologue.loadAhead(x + (i * tiling.width + j) * xStride, c, xStride);
      };
      if (tiling.reachesOut(top, left)) transformEdgeTile<V>(tiling, top, left, inputs, patch, inPitch, to, inStep, load);
      else if (prologue.scale || prologue.relu) transformTile<V>(inputs, to, inStep, load);
      else
        transformTile<V>(inputs, to, inStep, [&](int i, int j, int c) DENSOR_LAMBDA_INLINE {
          return V::load(x + (i * tiling.width + j) * xStride + c);
        });
    }
    for (int k = 0; k < WINOGRAD_POSITIONS; k++) {
      float *out = products + k * outStep;
      convolveRow<V>(transformed + k * inStep, 0, inPitch, count, 1, inputs, weights + k * panels, outputs,
                     [&]<int R, int B>(V(&tile)[R][B], int first, int o) DENSOR_LAMBDA_INLINE {
                       DENSOR_UNROLL for (int b = 0; b < B; b++) DENSOR_UNROLL for (int i = 0; i < R; i++)
                           tile[i][b].store(out + static_cast<size_t>(first + i) * outPitch + o + b * V::size);
                     });
    }
    for (int t = 0; t < count; t++) {
      const int top = tiling.top(begin + t), left = tiling.left(begin + t);
      T *y = ctx.at<T>(r.y, tiling.image(begin + t), pixels);
      transformProducts<V>(products + static_cast<size_t>(t) * outPitch, outStep, outputs,
                           [&](V(&grid)[4][6], int o) DENSOR_LAMBDA_INLINE {
                             const V shift = bias ? loadFirst<V>(bias + o, outputs - o) : V::splat(0);
                             for (int i = 0; i < 4 && top + i < tiling.height; i++)
                               for (int j = 0; j < 4 && left + j < tiling.width; j++)
                                 storeFirst(activation(grid[i][j] + shift, o),
                                            y + (static_cast<size_t>(top + i) * tiling.width + left + j) * r.y.stride + o,
                                            outputs - o);
                           });
    }
  }
}

}  // namespace densor
