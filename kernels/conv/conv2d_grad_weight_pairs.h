// The gradient of a convolution's weights of maps in bfloat16 where the processor multiplies pairs: of pixels, for a sum
// runs over those. Gradients are [position/2][output] pairs, zero where no output is; inputs are turned over, [row][position].
// With many channels the rows are those, and positions a strip's pixels side by side, padding among them (zeros): a
// tap's inputs are `shift` positions on. With few of them, or a stride, rows are (tap, channel), each tap's inputs a copy of its
// own, and positions are outputs. Sums run over positions, ascending, in blocks that stay in the first cache.
#pragma once
#include "conv/filter_runs.h"
#include "conv/grad_weight_partial.h"
#include "conv/micro_kernel.h"

namespace densor {

constexpr int POSITION_BLOCK = HAS_TILES ? 320 : 192;

struct PairStrip {
  int images, rows, width;  // of outputs
  int stripRows, columns;   // of an image's positions
  int positions, depth;     // up to the last output, and with the zeros behind
  int taps, kernelWidth;    // that share a row of inputs
  int inputRows;
  size_t pitch;             // from a row of inputs to the next: an odd number of cache lines, of which many are read in turns

  template <class Record>
  PairStrip(const Record &r, int channels, int images, int rows, bool tapsApart)
      : images(images), rows(rows), width(r.out.width) {
    const int allTaps = r.window.kernelHeight * r.window.kernelWidth;
    const int kernelHeight = tapsApart ? 1 : r.window.kernelHeight;
    kernelWidth = tapsApart ? 1 : r.window.kernelWidth;
    taps = kernelHeight * kernelWidth, inputRows = tapsApart ? allTaps * channels : channels;
    stripRows = rows + kernelHeight - 1, columns = roundUp(width + kernelWidth - 1, 2);
    positions = ((images - 1) * stripRows + rows) * columns, depth = packedDepth<Bfloat16>(positions);
    const int reach = (kernelHeight - 1) * columns + kernelWidth;
    pitch = static_cast<size_t>(roundUp(depth + reach + 16, 32) / 32 | 1) * 32;
  }
  // Numbers that gradients and inputs take; tiles read rows of inputs by sixteens.
  size_t gradientNumbers(const GradWeightPartial &partial) const { return static_cast<size_t>(depth) * partial.outputs; }
  size_t inputNumbers() const { return roundUp(inputRows, 16) * pitch; }
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

// One image's inputs, each tap's of its own, out of its strip.
inline void packTapsApart(const PairStrip &s, const Strip &strip, const Window &w, int image, const Bfloat16 *packed,
                          Bfloat16 *inputs) {
  const int step = w.strideWidth * strip.channels;
  for (int row = 0; row < s.inputRows; row++) {
    const int tap = row / strip.channels, channel = row % strip.channels;
    const int down = tap / static_cast<int>(w.kernelWidth), across = tap % static_cast<int>(w.kernelWidth);
    Bfloat16 *to = inputs + row * s.pitch + static_cast<size_t>(image) * s.stripRows * s.columns;
    for (int i = 0; i < s.rows; i++, to += s.columns) {
      const Bfloat16 *from = packed + (i * w.strideHeight + down) * strip.pitch() + across * strip.channels + channel;
      // Compilers make vectors of steps they know.
      if (step == 1) __builtin_memcpy(to, from, s.width * sizeof(Bfloat16));
      else if (step == 2)
        for (int j = 0; j < s.width; j++) to[j] = from[j * 2];
      else
        for (int j = 0; j < s.width; j++) to[j] = from[j * step];
      for (int j = s.width; j < s.columns; j++) to[j] = {0};
    }
  }
}

// Zeros behind both sides.
inline void padPairs(const PairStrip &s, int outputs, int panelWidth, Bfloat16 *gradients, Bfloat16 *inputs) {
  const size_t written = static_cast<size_t>(s.images) * s.stripRows * s.columns;
  for (int row = 0; row < s.inputRows; row++)
    __builtin_memset(inputs + row * s.pitch + written, 0, (s.pitch - written) * sizeof(Bfloat16));
  for (int o = 0; o < outputs; o += panelWidth) {
    const int width = outputs - o < panelWidth ? outputs - o : panelWidth;
    __builtin_memset(gradients + static_cast<size_t>(o) * s.depth + static_cast<size_t>(s.positions) * width, 0,
                     static_cast<size_t>(s.depth - s.positions) * width * sizeof(Bfloat16));
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

// partial += the gradient that a strip gives, both of its sides packed.
template <class V>
void sumPairs(const PairStrip &s, const GradWeightPartial &partial, Bfloat16 *gradients, Bfloat16 *inputs) {
  padPairs(s, partial.outputs, V::tileBlocks * V::size, gradients, inputs);
  for (int block = 0; block < s.depth; block += POSITION_BLOCK) {
    const int depth = s.depth - block < POSITION_BLOCK ? s.depth - block : POSITION_BLOCK;
    for (int o = 0; o < partial.outputs; o += V::tileBlocks * V::size) {
      const Panel<V> panel(o, partial.outputs, s.depth);
      forProductRows<V, Bfloat16>(s.inputRows, [&](int first, int length) {
        for (int tap = 0; tap < s.taps; tap++) {
          const int shift = tap / s.kernelWidth * s.columns + tap % s.kernelWidth;
          const size_t row = static_cast<size_t>(tap) * partial.channels + partial.slice.begin + first;
          accumulateProducts<V>(partial.weights + row * partial.outputs + o, partial.outputs, length,
                                panel.width / V::size, inputs + first * s.pitch + block + shift, s.pitch,
                                gradients + panel.block + static_cast<size_t>(block) * panel.width, depth);
        }
      });
    }
  }
}

// partial += the gradient that `rows` rows of one image's outputs give, from its packed strip and load(pixel, output) → V.
// `scratch` has room for the numbers of both sides.
template <class V, class Record, class Load>
void sumTapsApart(const PairStrip &s, const GradWeightPartial &partial, const Record &r, const Strip &strip,
                  const Bfloat16 *packed, Bfloat16 *scratch, Load load) {
  Bfloat16 *inputs = scratch + s.gradientNumbers(partial);
  packGradientPairs<V>(s, partial, r.out.channels, 0, 0, scratch, load);
  packTapsApart(s, strip, r.window, 0, packed, inputs);
  sumPairs<V>(s, partial, scratch, inputs);
}

template <class V, class T> void conv2dGradWeightInPairs(const Context &ctx, const Conv2dGradWeightRecord &r, int chunk) {
  const int imageChunks = r.imageChunks, imageChunk = chunk % imageChunks;
  const Range images = part(r.in.images, imageChunk, imageChunks);
  const Range slice = part(r.in.channels, chunk / imageChunks, static_cast<int>(r.chunks) / imageChunks);
  const int channels = slice.end - slice.begin, height = r.out.height;
  const size_t inPixels = static_cast<size_t>(r.in.height) * r.in.width;
  const Prologued<V> prologue(ctx, r.prologue);
  const GradWeightPartial partial(ctx, r, imageChunk, slice);
  const bool tapsApart = static_cast<int>(r.in.channels) < FEW_CHANNELS;

  for (int n = images.begin; n < images.end; n += r.stripImages) {
    const int together = n + static_cast<int>(r.stripImages) <= images.end ? r.stripImages : images.end - n;
    for (int top = 0; top < height; top += r.stripRows) {
      const int rows = top + static_cast<int>(r.stripRows) <= height ? r.stripRows : height - top;
      const PairStrip pairs(r, channels, together, rows, tapsApart);
      Bfloat16 *gradients = ctx.scratchFrom<Bfloat16>(), *inputs = gradients + pairs.gradientNumbers(partial);
      for (int i = 0; i < together; i++) {
        const Corrected<V, T> gradOutput(ctx, r.gradOutput, n + i, static_cast<size_t>(height) * r.out.width);
        packGradientPairs<V>(pairs, partial, r.out.channels, i, top, gradients,
                             [&](size_t pixel, int o) DENSOR_LAMBDA_INLINE { return gradOutput.load(pixel, o); });
        const T *x = ctx.at<T>(r.x, n + i, inPixels);
        const auto load = [&](size_t pixel, int c) DENSOR_LAMBDA_INLINE {
          return prologue.loadAhead(x + pixel * r.x.stride, slice.begin + c, r.x.stride);
        };
        if (tapsApart) {
          const Strip strip = inputStrip(r, top, rows);
          Bfloat16 *packed = inputs + pairs.inputNumbers();
          packStrip<V>(strip, packed, load);
          packTapsApart(pairs, strip, r.window, i, packed, inputs);
        } else {
          packTurnedInputs<V>(pairs, r.in, r.window, channels, i, top, inputs,
                              [&](int row, int column, int c) DENSOR_LAMBDA_INLINE {
                                return load(static_cast<size_t>(row) * r.in.width + column, c);
                              });
        }
      }
      sumPairs<V>(pairs, partial, gradients, inputs);
    }
  }
}

}  // namespace densor
