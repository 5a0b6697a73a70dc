// The gradient of a convolution's weights of maps in bfloat16, stride 1, where the processor multiplies pairs: of pixels,
// for a sum runs over those. A strip's pixels lie side by side as `positions`, its padding among them (zeros), so that a
// tap's inputs are `shift` positions on. Inputs are turned over, [channel][position]; gradients are [position/2][output]
// pairs, zero where no output is. Sums run over positions, ascending, in blocks that stay in the first cache.
#pragma once
#include "conv/grad_weight_partial.h"
#include "conv/micro_kernel.h"

namespace densor {

#ifdef DENSOR_PAIRS
constexpr int POSITION_BLOCK = HAS_TILES ? 320 : 192;

struct PairStrip {
  int images, rows, width;   // of outputs
  int stripRows, columns;    // of an image's inputs
  int positions, depth;      // up to the last output, and with the zeros behind
  int inputs;                // positions of inputs
  size_t pitch;              // from a channel to the next: an odd number of cache lines, of which many are read in turns

  template <class Record>
  PairStrip(const Record &r, int images, int rows)
      : images(images), rows(rows), width(r.out.width), stripRows(rows + static_cast<int>(r.window.kernelHeight) - 1),
        columns(roundUp(width + static_cast<int>(r.window.kernelWidth) - 1, 2)),
        positions(((images - 1) * stripRows + rows) * columns), depth(packedDepth<Bfloat16>(positions)),
        inputs(images * stripRows * columns) {
    const int reach = static_cast<int>((r.window.kernelHeight - 1) * columns + r.window.kernelWidth);
    pitch = static_cast<size_t>(roundUp(depth + reach + 16, 32) / 32 | 1) * 32;
  }
};

// One image's gradients from its row `top` on; load(pixel, output) → V.
template <class V, class Load>
void packGradientPairs(const PairStrip &s, const GradWeightPartial &partial, int outputs, int image, int top,
                       Bfloat16 *gradients, Load load) {
  const int padded = roundUp(outputs, V::size), stripRows = image == s.images - 1 ? s.rows : s.stripRows;
  for (int o = 0; o < padded; o += V::size) {
    const Panel<V> panel(o, padded, s.depth);
    const size_t before = static_cast<size_t>(image) * s.stripRows * s.columns;
    Bfloat16 *to = gradients + panel.block + before * panel.width + panel.inside * 2;
    V sum = V::splat(0);
    for (int i = 0; i < stripRows; i++)
      for (int j = 0; j < s.columns; j += 2, to += panel.width * 2) {
        const auto at = [&](int column) DENSOR_LAMBDA_INLINE {
          return i < s.rows && column < s.width ? load(static_cast<size_t>(top + i) * s.width + column, o) : V::splat(0);
        };
        const V even = at(j), odd = at(j + 1);
        sum = sum + even + odd;
        storePairs(even, odd, to);
      }
    partial.addToBias(sum, o);
  }
}

// One image's inputs, turned over; load(row, column, channel) → V where the map has that pixel.
template <class V, class Load>
void packTurnedInputs(const PairStrip &s, const Size &map, const Window &w, int channels, int image, int top,
                      Bfloat16 *inputs, Load load) {
  for (int i = 0; i < s.stripRows; i++) {
    const int row = top + i - static_cast<int>(w.paddingHeight);
    const bool exists = row >= 0 && row < static_cast<int>(map.height);
    for (int j = 0; j < s.columns; j += V::size)
      for (int c = 0; c < channels; c += V::size) {
        V block[V::size];
        DENSOR_UNROLL for (int lane = 0; lane < V::size; lane++) {
          const int column = j + lane - static_cast<int>(w.paddingWidth);
          const bool there = exists && column >= 0 && column < static_cast<int>(map.width);
          block[lane] = there ? load(row, column, c) : V::splat(0);
        }
        transpose(block);
        // The next row takes the place of what is stored beyond this one's end.
        Bfloat16 *to = inputs + c * s.pitch + (image * s.stripRows + i) * s.columns + j;
        DENSOR_UNROLL for (int lane = 0; lane < V::size; lane++)
          if (c + lane < channels) storeOperand(block[lane], to + lane * s.pitch);
      }
  }
}

// partial[row][output] += a block of positions. A function of its own, so that the accumulators get every register there is.
template <class V>
__attribute__((noinline)) void accumulateProducts(float *partial, size_t partialStride, int rows, int vectors,
                                                  const Bfloat16 *inputs, size_t pitch, const Bfloat16 *gradients,
                                                  int depth) {
  multiplyRuns<V>(
      rows, vectors, static_cast<ptrdiff_t>(pitch), gradients, depth,
      [&](auto add) DENSOR_LAMBDA_INLINE { add(0, inputs); },
      [&]<int R, int B>(V(&tile)[R][B], int first) DENSOR_LAMBDA_INLINE {
        DENSOR_UNROLL for (int k = 0; k < R; k++) DENSOR_UNROLL for (int b = 0; b < B; b++) {
          float *to = partial + (first + k) * partialStride + b * V::size;
          (V::load(to) + tile[k][b]).store(to);
        }
      });
}

template <class V, class T> void conv2dGradWeightInPairs(const Context &ctx, const Conv2dGradWeightRecord &r, int chunk) {
  const int imageChunks = r.imageChunks, imageChunk = chunk % imageChunks;
  const Range images = part(r.in.images, imageChunk, imageChunks);
  const Range slice = part(r.in.channels, chunk / imageChunks, static_cast<int>(r.chunks) / imageChunks);
  const int channels = slice.end - slice.begin, height = r.out.height;
  const int taps = r.window.kernelHeight * r.window.kernelWidth;
  const size_t inPixels = static_cast<size_t>(r.in.height) * r.in.width;
  const Prologued<V> prologue(ctx, r.prologue);
  const GradWeightPartial partial(ctx, r, imageChunk, slice);

  for (int n = images.begin; n < images.end; n += r.stripImages) {
    const int together = n + static_cast<int>(r.stripImages) <= images.end ? r.stripImages : images.end - n;
    for (int top = 0; top < height; top += r.stripRows) {
      const int rows = top + static_cast<int>(r.stripRows) <= height ? r.stripRows : height - top;
      const PairStrip strip(r, together, rows);
      Bfloat16 *gradients = reinterpret_cast<Bfloat16 *>(ctx.scratch);
      Bfloat16 *inputs = gradients + static_cast<size_t>(strip.depth) * partial.outputs;
      for (int i = 0; i < together; i++) {
        const Corrected<V, T> gradOutput(ctx, r.gradOutput, n + i, static_cast<size_t>(height) * r.out.width);
        packGradientPairs<V>(strip, partial, r.out.channels, i, top, gradients,
                             [&](size_t pixel, int o) DENSOR_LAMBDA_INLINE { return gradOutput.load(pixel, o); });
        const T *x = ctx.at<T>(r.x, n + i, inPixels);
        packTurnedInputs<V>(strip, r.in, r.window, channels, i, top, inputs,
                            [&](int row, int column, int c) DENSOR_LAMBDA_INLINE {
                              const size_t pixel = static_cast<size_t>(row) * r.in.width + column;
                              return prologue.loadAhead(x + pixel * r.x.stride, slice.begin + c, r.x.stride);
                            });
      }
      for (int c = 0; c < channels; c++)
        __builtin_memset(inputs + c * strip.pitch + strip.inputs, 0,
                         (strip.pitch - strip.inputs) * sizeof(Bfloat16));
      for (int o = 0; o < partial.outputs; o += V::tileBlocks * V::size) {
        const Panel<V> panel(o, partial.outputs, strip.depth);
        __builtin_memset(gradients + panel.block + static_cast<size_t>(strip.positions) * panel.width, 0,
                         static_cast<size_t>(strip.depth - strip.positions) * panel.width * sizeof(Bfloat16));
      }
      for (int block = 0; block < strip.depth; block += POSITION_BLOCK) {
        const int depth = strip.depth - block < POSITION_BLOCK ? strip.depth - block : POSITION_BLOCK;
        for (int o = 0; o < partial.outputs; o += V::tileBlocks * V::size) {
          const Panel<V> panel(o, partial.outputs, strip.depth);
          forProductRows<V, Bfloat16>(channels, [&](int first, int length) {
            for (int t = 0; t < taps; t++) {
              const int shift = t / partial.kernelWidth * strip.columns + t % partial.kernelWidth;
              float *to = partial.weights +
                          (static_cast<size_t>(t) * partial.channels + slice.begin + first) * partial.outputs + o;
              accumulateProducts<V>(to, partial.outputs, length, panel.width / V::size,
                                    inputs + first * strip.pitch + block + shift, strip.pitch,
                                    gradients + panel.block + static_cast<size_t>(block) * panel.width, depth);
            }
          });
        }
      }
    }
  }
}
#endif

}  // namespace densor
