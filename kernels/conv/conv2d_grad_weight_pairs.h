// Weight gradients of bfloat16 feature maps by dot products. The sum is over pixels, so pairs are pairs of positions:
// gradients are packed as [position/2][output][2], zero at positions without an output; inputs are transposed to
// [row][position].
// With many channels, rows are channels, and positions are the pixels of a strip in order, including padding (zeros;
// the padding right of a row is also that left of the next row, the padding below an image that above the next image).
// The inputs of a tap are `shift` positions after those of the first tap.
// With few channels, and for a convolution fused with a max pool, rows are (tap, channel), so the inputs of each tap
// are a separate copy, and positions are outputs; a stride costs nothing.
// Partials are +=. Unaligned addresses are allowed. Order of reduction: positions ascending, in blocks that fit into
// the L1 cache.
#pragma once
#include "conv/filter_runs.h"
#include "conv/grad_weight_partial.h"
#include "conv/micro_kernel.h"

namespace densor {

constexpr int POSITION_BLOCK = HAS_TILES ? 320 : 192;

struct PairStrip {
  int images, rows, width; // of outputs
  int stripRows, columns;  // of the inputs of an image
  int imagePositions;      // positions per image; even
  int positions, depth;    // positions up to the last output, and including the zeros after it
  int taps, kernelWidth;   // taps that share a row of inputs
  int inputRows;
  size_t pitch; // from one row of inputs to the next: an odd number of cache lines, to avoid cache-set conflicts

  template <class Record>
  PairStrip(const Record &r, int channels, int images, int rows, bool tapsApart)
      : images(images), rows(rows), width(r.out.width) {
    const Window &w = r.window;
    const int allTaps = w.kernelHeight * w.kernelWidth, kernelHeight = tapsApart ? 1 : w.kernelHeight;
    kernelWidth = tapsApart ? 1 : w.kernelWidth;
    taps = kernelHeight * kernelWidth, inputRows = tapsApart ? allTaps * channels : channels;
    columns = tapsApart ? width : extent(width, w.kernelWidth, w.paddingWidth, r.in.width);
    stripRows = images == 1 ? rows + kernelHeight - 1
                : tapsApart ? rows
                            : extent(rows, w.kernelHeight, w.paddingHeight, r.in.height);
    imagePositions = roundUp(stripRows * columns, 2);
    positions = roundUp((images - 1) * imagePositions + rows * columns, 2), depth = packedDepth<Bfloat16>(positions);
    const int reach = (kernelHeight - 1) * columns + kernelWidth;
    constexpr int line = ALIGNMENT_BYTES / sizeof(Bfloat16), slack = SLACK_BYTES / sizeof(float);
    pitch = static_cast<size_t>(roundUp(depth + reach + slack, line) / line | 1) * line;
  }
  // Positions along an axis: those that outputs read (`inputs`, and padding before and after them), minus the padding
  // that is shared with the next row or image.
  static int extent(int outputs, int kernel, int before, int inputs) {
    const int all = outputs + kernel - 1, behind = all - before - inputs;
    return all - (behind < before ? (behind > 0 ? behind : 0) : before);
  }
  // In scratch: gradients, then inputs, then the strip that the inputs of taps are copied from. The number of input
  // rows is padded, because AMX tiles always read all their rows.
  Bfloat16 *inputsIn(Bfloat16 *scratch, const GradWeightPartial &partial) const {
    return scratch + static_cast<size_t>(depth) * partial.outputs;
  }
  Bfloat16 *stripIn(Bfloat16 *scratch, const GradWeightPartial &partial) const {
    return inputsIn(scratch, partial) + roundUp(inputRows, TILE_ROWS) * pitch;
  }
};

// Packs the gradients of one image from its row `top` on; load(pixel, output) → V. bias += their sum.
template <class V, class Load>
void packGradientPairs(const PairStrip &s, const GradWeightPartial &partial, int outputs, int image, int top,
                       Bfloat16 *gradients, Load load) {
  const int padded = roundUp(outputs, V::size), count = image == s.images - 1 ? s.rows * s.columns : s.imagePositions;
  for (int o = 0; o < padded; o += V::size) {
    const Panel<V> panel(o, padded, s.depth);
    const size_t before = static_cast<size_t>(image) * s.imagePositions;
    Bfloat16 *to = gradients + panel.block + before * panel.width + panel.inside * 2;
    V sum = V::splat(0);
    int i = 0, j = 0;
    const auto next = [&]() DENSOR_LAMBDA_INLINE {
      const bool isOutput = i < s.rows && j < s.width;
      const V gradient = isOutput ? load(static_cast<size_t>(top + i) * s.width + j, o) : V::splat(0);
      if (++j == s.columns) j = 0, i++;
      return gradient;
    };
    for (int p = 0; p < count; p += 2, to += panel.width * 2) {
      const V even = next(), odd = next();
      sum = sum + even + odd;
      storePairs(even, odd, to);
    }
    partial.addToBias(sum, o);
  }
}

// Packs the transposed inputs of one image; load(row, column, channel) → V is called for pixels inside the map.
template <class V, class Load>
void packTransposedInputs(const PairStrip &s, const Size &map, const Window &w, int channels, int image, int top,
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
        // The values stored after the end of this row are overwritten by the next row.
        Bfloat16 *to = inputs + c * s.pitch + image * s.imagePositions + i * s.columns + j;
        DENSOR_UNROLL for (int lane = 0; lane < V::size; lane++)
          if (c + lane < channels) storeOperand(block[lane], to + lane * s.pitch);
      }
  }
}

// Packs the inputs of one image, one copy per tap, from its strip.
inline void packTapsApart(const PairStrip &s, const Strip &strip, const Window &w, int image, const Bfloat16 *packed,
                          Bfloat16 *inputs) {
  const int step = w.strideWidth * strip.channels;
  for (int row = 0; row < s.inputRows; row++) {
    const int tap = row / strip.channels, channel = row % strip.channels;
    const int down = tap / static_cast<int>(w.kernelWidth), across = tap % static_cast<int>(w.kernelWidth);
    Bfloat16 *to = inputs + row * s.pitch + static_cast<size_t>(image) * s.imagePositions;
    for (int i = 0; i < s.rows; i++, to += s.columns) {
      const Bfloat16 *from = packed + (i * w.strideHeight + down) * strip.pitch() + across * strip.channels + channel;
      // Constant steps, so that compilers vectorize the loop.
      if (step == 1) __builtin_memcpy(to, from, s.width * sizeof(Bfloat16));
      else if (step == 2)
        for (int j = 0; j < s.width; j++) to[j] = from[j * 2];
      else
        for (int j = 0; j < s.width; j++) to[j] = from[j * step];
    }
  }
}

// Writes zeros where nothing was packed: after images with an odd number of positions, and after inputs and gradients.
inline void padPairs(const PairStrip &s, int outputs, int panelWidth, Bfloat16 *gradients, Bfloat16 *inputs) {
  const int written = s.stripRows * s.columns;
  const size_t end = static_cast<size_t>(s.images - 1) * s.imagePositions + written;
  for (int row = 0; row < s.inputRows; row++) {
    Bfloat16 *of = inputs + row * s.pitch;
    if (written < s.imagePositions)
      for (int n = 1; n < s.images; n++) of[n * s.imagePositions - 1] = {0};
    __builtin_memset(of + end, 0, (s.pitch - end) * sizeof(Bfloat16));
  }
  for (int o = 0; o < outputs; o += panelWidth) {
    const int width = outputs - o < panelWidth ? outputs - o : panelWidth;
    __builtin_memset(gradients + static_cast<size_t>(o) * s.depth + static_cast<size_t>(s.positions) * width, 0,
                     static_cast<size_t>(s.depth - s.positions) * width * sizeof(Bfloat16));
  }
}

// partial[row][output] += Σ input·gradient over a block of positions. noinline, so that the compiler can use all
// registers for the accumulators.
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

// partial += the contribution of a strip whose inputs and gradients are packed.
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

// partial += the contribution of some rows of the outputs of one image, with gradients from load(pixel, output) → V and
// the packed strip at s.stripIn(scratch).
template <class V, class Record, class Load>
void sumTapsApart(const PairStrip &s, const GradWeightPartial &partial, const Record &r, const Strip &strip,
                  Bfloat16 *scratch, Load load) {
  Bfloat16 *inputs = s.inputsIn(scratch, partial);
  packGradientPairs<V>(s, partial, r.out.channels, 0, 0, scratch, load);
  packTapsApart(s, strip, r.window, 0, s.stripIn(scratch, partial), inputs);
  sumPairs<V>(s, partial, scratch, inputs);
}

// partial += the gradient summed over the images of a leaf, for a slice of the input channels.
template <class V, class T>
void sumLeafInPairs(const Context &ctx, const Conv2dGradWeightRecord &r, Range images, Range slice,
                    const GradWeightPartial &partial, bool tapsApart) {
  const int channels = slice.end - slice.begin, height = r.out.height;
  const size_t inPixels = static_cast<size_t>(r.in.height) * r.in.width;
  const Prologued<V> prologue(ctx, r.prologue);

  for (int n = images.begin; n < images.end; n += r.stripImages) {
    const int together = n + static_cast<int>(r.stripImages) <= images.end ? r.stripImages : images.end - n;
    for (int top = 0; top < height; top += r.stripRows) {
      const int rows = top + static_cast<int>(r.stripRows) <= height ? r.stripRows : height - top;
      const PairStrip pairs(r, channels, together, rows, tapsApart);
      Bfloat16 *gradients = ctx.scratchFrom<Bfloat16>(), *inputs = pairs.inputsIn(gradients, partial);
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
          Bfloat16 *packed = pairs.stripIn(gradients, partial);
          packStrip<V>(strip, packed, load);
          packTapsApart(pairs, strip, r.window, i, packed, inputs);
        } else {
          packTransposedInputs<V>(pairs, r.in, r.window, channels, i, top, inputs,
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
