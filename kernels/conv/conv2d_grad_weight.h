// The weight and bias gradients of a convolution. Order of reduction: the batch is divided into leaves (ADR 10); a leaf
// is summed over its pixels, ascending (of small maps: over strips of images, pixels, images); leaves are added as a
// binary tree. The subtree of a chunk is a partial (=), [kH·kW·C + 1][paddedChannels(O)]; reduceGradWeight adds the
// partials of all chunks to the gradients (= or +=). Inputs and outputs do not overlap. Unaligned addresses are
// allowed.
#pragma once
#include "base/math.h"
#include "conv/conv2d_grad_weight_pairs.h"
#include "conv/convolve_images.h"

namespace densor {

// The pixels of a strip: images of rows of pixels, and the distances between them in floats.
struct StripWalk {
  int images, rows, width;
  ptrdiff_t inputImage, inputRow, inputPixel, gradientRow, gradientPixel;
};

// Whether a strip is the first of its leaf (sums start from zero), and the last (sums may be added to the left
// neighbour).
struct StripPlace {
  bool isFirst, isLast;
};

// One tile of a partial += Σ input·gradient over the pixels of a strip. `inputs`: the R inputs at the first pixel,
// `gradients`: its B vectors. noinline, so that the compiler can use all registers for the accumulators.
template <class V, int R, int B>
__attribute__((noinline)) void accumulateTile(float *partial, size_t partialStride, const float *inputs,
                                              const float *gradients, const StripWalk &walk, bool isFirst,
                                              ptrdiff_t toLeft) {
  V tile[R][B];
  DENSOR_UNROLL for (int a = 0; a < R; a++) DENSOR_UNROLL for (int b = 0; b < B; b++)
      tile[a][b] = isFirst ? V::splat(0) : V::load(partial + a * partialStride + b * V::size);
  for (int n = 0; n < walk.images; n++)
    for (int i = 0; i < walk.rows; i++) {
      multiplyAdd<V, R, B>(tile, inputs + n * walk.inputImage + i * walk.inputRow, 1, walk.inputPixel, gradients,
                           walk.gradientPixel, walk.width);
      gradients += walk.gradientRow;
    }
  float *to = partial + toLeft;
  DENSOR_UNROLL for (int a = 0; a < R; a++) DENSOR_UNROLL for (int b = 0; b < B; b++) {
    float *sum = to + a * partialStride + b * V::size;
    (toLeft != 0 ? V::load(sum) + tile[a][b] : tile[a][b]).store(sum);
  }
}

// partial += the contribution of `rows` rows of outputs of `images` images. `packed`: their inputs, one strip per
// image; `gradients`: [images·rows·width][partial.outputs].
template <class V, class Record>
void sumGradWeight(const GradWeightPartial &partial, const Record &r, const Strip &strip, const float *packed,
                   const float *gradients, int images, int rows, StripPlace place) {
  const ptrdiff_t toLeft = place.isLast ? partial.toLeft : 0;
  const StripWalk walk = {.images = images,
                          .rows = rows,
                          .width = static_cast<int>(r.out.width),
                          .inputImage = static_cast<ptrdiff_t>(strip.rows * strip.pitch()),
                          .inputRow = static_cast<ptrdiff_t>(r.window.strideHeight * strip.pitch()),
                          .inputPixel = static_cast<ptrdiff_t>(r.window.strideWidth) * strip.channels,
                          .gradientRow = static_cast<ptrdiff_t>(r.out.width) * partial.outputs,
                          .gradientPixel = partial.outputs};
  const int vectors = roundUp(r.out.channels, V::size) / V::size;
  for (int k = 0; k < partial.runs; k++)
    forTiles(partial.length, V::tileRows, [&](int first, int rowsOfTile) {
      for (int o = 0; o < vectors; o += V::tileBlocks)
        withTile<V>(rowsOfTile, vectors - o, [&]<int R, int B>() DENSOR_LAMBDA_INLINE {
          accumulateTile<V, R, B>(partial.run(k) + static_cast<size_t>(first) * partial.outputs + o * V::size,
                                  partial.outputs, partial.inputs(strip, packed, k) + first, gradients + o * V::size,
                                  walk, place.isFirst, toLeft);
        });
    });
}

// The same for small maps, as in convolve_images.h: inputs and gradients are [pixel][image][channels]. The sum of a tap
// is over all images of each pixel for which the tap is inside the map.
template <class V>
void sumGradWeightOfImages(const GradWeightPartial &partial, const Conv2dGradWeightRecord &r, const float *packed,
                           const float *gradients, int images, StripPlace place) {
  const Window &w = r.window;
  const ptrdiff_t toLeft = place.isLast ? partial.toLeft : 0;
  const int height = r.out.height, width = r.out.width, depth = partial.slice.end - partial.slice.begin;
  const int vectors = roundUp(r.out.channels, V::size) / V::size;
  for (int t = 0; t < static_cast<int>(w.kernelHeight * w.kernelWidth); t++) {
    // For output pixels [top, bottom) × [left, right) the tap is inside the map, `shift` pixels after the output pixel.
    const int down = t / partial.kernelWidth - static_cast<int>(w.paddingHeight);
    const int across = t % partial.kernelWidth - static_cast<int>(w.paddingWidth);
    const int top = down < 0 ? -down : 0, bottom = down > 0 ? height - down : height;
    const int left = across < 0 ? -across : 0, right = across > 0 ? width - across : width;
    float *to = partial.weights + (static_cast<size_t>(t) * partial.channels + partial.slice.begin) * partial.outputs;
    if (top >= bottom || left >= right) { // The tap is always outside: its gradient is zero.
      if (place.isFirst) __builtin_memset(to, 0, static_cast<size_t>(depth) * partial.outputs * sizeof(float));
      continue;
    }
    const StripWalk walk = {.images = 1,
                            .rows = bottom - top,
                            .width = (right - left) * images,
                            .inputImage = 0,
                            .inputRow = static_cast<ptrdiff_t>(width) * images * depth,
                            .inputPixel = depth,
                            .gradientRow = static_cast<ptrdiff_t>(width) * images * partial.outputs,
                            .gradientPixel = partial.outputs};
    const size_t pixel = static_cast<size_t>(top) * width + left, shift = static_cast<size_t>(down * width + across);
    forTiles(depth, V::tileRows, [&](int first, int rowsOfTile) {
      for (int o = 0; o < vectors; o += V::tileBlocks)
        withTile<V>(rowsOfTile, vectors - o, [&]<int R, int B>() DENSOR_LAMBDA_INLINE {
          accumulateTile<V, R, B>(to + static_cast<size_t>(first) * partial.outputs + o * V::size, partial.outputs,
                                  packed + (pixel + shift) * images * depth + first,
                                  gradients + pixel * images * partial.outputs + o * V::size, walk, place.isFirst,
                                  toLeft);
        });
    });
  }
}

template <class V, class T>
void sumLeafOfImages(const Context &ctx, const Conv2dGradWeightRecord &r, Range images, Range slice,
                     const GradWeightPartial &partial) {
  const Prologued<V> prologue(ctx, r.prologue);
  const int pixels = r.out.height * r.out.width;
  for (int n = images.begin; n < images.end; n += r.stripImages) {
    const int together = n + static_cast<int>(r.stripImages) <= images.end ? r.stripImages : images.end - n;
    const Corrected<V, T> gradOutput(ctx, r.gradOutput, n, pixels);
    const T *x = ctx.at<T>(r.x, n, pixels);
    float *gradients = ctx.scratchFrom(), *inputs = gradients + static_cast<size_t>(together) * pixels * partial.outputs;
    packImages<V>(together, pixels, partial.outputs, gradients, [&](int image, int pixel, int o) DENSOR_LAMBDA_INLINE {
      if (o >= static_cast<int>(r.out.channels)) return V::splat(0);
      const V g = gradOutput.load(static_cast<size_t>(image) * pixels + pixel, o);
      partial.addToBias(g, o);
      return g;
    });
    packImages<V>(together, pixels, slice.end - slice.begin, inputs,
                  [&](int image, int pixel, int c) DENSOR_LAMBDA_INLINE {
                    return prologue.load(x + (static_cast<size_t>(image) * pixels + pixel) * r.x.stride,
                                         slice.begin + c);
                  });
    sumGradWeightOfImages<V>(partial, r, inputs, gradients, together,
                             {n == images.begin, n + together == images.end});
  }
}

template <class V, class T>
void sumLeafOfRows(const Context &ctx, const Conv2dGradWeightRecord &r, Range images, Range slice,
                   const GradWeightPartial &partial) {
  const Prologued<V> prologue(ctx, r.prologue);
  const int height = r.out.height, width = r.out.width;
  const size_t inPixels = static_cast<size_t>(r.in.height) * r.in.width;
  const size_t outPixels = static_cast<size_t>(height) * width;
  const bool isWhole = slice.end - slice.begin == static_cast<int>(r.in.channels);

  // A strip is some rows of one image, or several whole images if maps are small, because the overhead per strip is
  // high.
  for (int n = images.begin; n < images.end; n += r.stripImages) {
    const int together = n + static_cast<int>(r.stripImages) <= images.end ? r.stripImages : images.end - n;
    for (int top = 0; top < height; top += r.stripRows) {
      const int rows = top + static_cast<int>(r.stripRows) <= height ? r.stripRows : height - top;
      Strip strip = inputStrip(r, top, rows);
      strip.channels = slice.end - slice.begin;
      strip.contiguous = strip.contiguous && isWhole;
      float *gradients = ctx.scratchFrom(), *to = gradients;
      float *inputs = gradients + static_cast<size_t>(together) * rows * width * partial.outputs;
      for (int i = 0; i < together; i++) {
        const Corrected<V, T> gradOutput(ctx, r.gradOutput, n + i, outPixels);
        for (int o = 0; o < static_cast<int>(r.out.channels); o += V::size) {
          V sum = V::splat(0);
          for (int p = 0; p < rows * width; p++) {
            const V g = gradOutput.load(static_cast<size_t>(top) * width + p, o);
            g.store(to + static_cast<size_t>(p) * partial.outputs + o);
            sum = sum + g;
          }
          partial.addToBias(sum, o);
        }
        to += static_cast<size_t>(rows) * width * partial.outputs;
        const T *x = ctx.at<T>(r.x, n + i, inPixels);
        packStrip<V>(strip, inputs + i * strip.rows * strip.pitch(), [&](size_t pixel, int c) DENSOR_LAMBDA_INLINE {
          return prologue.loadAhead(x + pixel * r.x.stride, slice.begin + c, r.x.stride);
        });
      }
      sumGradWeight<V>(partial, r, strip, inputs, gradients, together, rows,
                       {n == images.begin && top == 0, n + together == images.end && top + rows == height});
    }
  }
}

template <class V> void addTo(float *left, const float *right, size_t floats) {
  for (size_t i = 0; i < floats; i += V::size) (V::load(left + i) + V::load(right + i)).store(left + i);
}

// partial = the gradient summed over the images of a leaf, for a slice of the input channels. If partial.toLeft is not
// 0, the sum is added to the left neighbour instead, and the partial's contents are undefined.
template <class V, class T>
void sumLeaf(const Context &ctx, const Conv2dGradWeightRecord &r, Range images, Range slice,
             const GradWeightPartial &partial) {
  partial.clearBias();
  switch (r.algorithm) {
    case GradWeightAlgorithm::rows: sumLeafOfRows<V, T>(ctx, r, images, slice, partial); break;
    case GradWeightAlgorithm::images: sumLeafOfImages<V, T>(ctx, r, images, slice, partial); break;
    case GradWeightAlgorithm::pairs:
    case GradWeightAlgorithm::pairsTapsApart:
      if constexpr (IN_PAIRS<Operand<T>>) {
        partial.clearWeights();
        sumLeafInPairs<V, T>(ctx, r, images, slice, partial, r.algorithm == GradWeightAlgorithm::pairsTapsApart);
        if (partial.toLeft != 0) addTo<V>(partial.weights + partial.toLeft, partial.weights, partial.floats());
      } else __builtin_trap(); // Engines reject plans for dot products that they lack.
  }
  if (partial.toLeft != 0 && partial.bias) addTo<V>(partial.bias + partial.toLeft, partial.bias, partial.outputs);
}

// Chunks divide the leaves into `imageChunks` subtrees and, for wide inputs, the input channels (chunks of one subtree
// write slices of one partial). Pending sums of a subtree, which wait for their right neighbours, are a stack in
// scratch; neighbours of the same height are added as soon as both are complete.
template <class V, class T> void conv2dGradWeight(const Context &ctx, const Conv2dGradWeightRecord &r, int chunk) {
  const int imageChunks = r.imageChunks, imageChunk = chunk % imageChunks, channels = r.in.channels;
  const int leaves = static_cast<int>(r.leaves) / imageChunks, firstLeaf = imageChunk * leaves;
  const Range slice = part(channels, chunk / imageChunks, static_cast<int>(r.chunks) / imageChunks);
  const int taps = r.window.kernelHeight * r.window.kernelWidth, outputs = paddedChannels(r.out.channels);
  float *to = ctx.at(r.partials) + imageChunk * gradWeightFloats(r, channels);
  const auto imagesOf = [&](int leaf) { return part(r.in.images, firstLeaf + leaf, r.leaves); };
  if (leaves == 1) return sumLeaf<V, T>(ctx, r, imagesOf(0), slice, GradWeightPartial(to, r, channels, slice));

  const int sliced = slice.end - slice.begin;
  const size_t floats = gradWeightFloats(r, sliced);
  Context strips = ctx;
  float *pending = ctx.scratchFrom();
  strips.scratch = pending + (__builtin_ctz(leaves) + 1) * floats;
  int count = 0;
  for (int leaf = 0; leaf < leaves; leaf++) {
    GradWeightPartial partial(pending + count++ * floats, r, sliced, {0, sliced}, slice.begin == 0);
    if (leaf & 1) partial.toLeft = -static_cast<ptrdiff_t>(floats), count--;
    sumLeaf<V, T>(strips, r, imagesOf(leaf), slice, partial);
    for (int carry = leaf & 1 ? leaf >> 1 : 0; carry & 1; carry >>= 1) {
      count--;
      addTo<V>(pending + (count - 1) * floats, pending + count * floats, floats);
    }
  }
  const size_t rowFloats = static_cast<size_t>(sliced) * outputs;
  for (int t = 0; t < taps; t++)
    __builtin_memcpy(to + (static_cast<size_t>(t) * channels + slice.begin) * outputs, pending + t * rowFloats,
                     rowFloats * sizeof(float));
  if (slice.begin == 0)
    __builtin_memcpy(to + static_cast<size_t>(taps) * channels * outputs, pending + taps * rowFloats,
                     outputs * sizeof(float));
}

// gradWeight [O, C, kH, kW] and gradBias [O] = or += the sum of the partials, as a binary tree. Chunks divide the
// weights of an output, (channel, tap), by cache lines. Squares of V::size weights × outputs are transposed in
// registers.
template <class V> void reduceGradWeight(const Context &ctx, const ReduceGradWeightRecord &r, int chunk) {
  constexpr int line = ALIGNMENT_BYTES / sizeof(float);
  const int taps = r.kernelHeight * r.kernelWidth, channels = r.inChannels, outputs = r.outChannels;
  const int padded = paddedChannels(outputs), weights = channels * taps;
  const size_t size = (static_cast<size_t>(weights) + 1) * padded;
  const float *partials = ctx.at(r.partials);
  float *gradWeight = ctx.at(r.gradWeight), *gradBias = ctx.at(r.gradBias);
  V rest = V::splat(0); // Σ(x − x): zero if all sums are finite, otherwise NaN
  const auto total = [&](size_t row, int o) DENSOR_LAMBDA_INLINE {
    // As in a binary counter: pending[k] is the pending sum of 2^k partials; the bits of p say which are in use.
    V pending[LEAF_LEVELS];
    const float *at = partials + row * padded + o;
    for (uint32_t p = 0; p < r.partialCount; p++, at += size) {
      V sum = V::load(at);
      int level = 0;
      for (uint32_t carry = p; carry & 1; carry >>= 1) sum = pending[level++] + sum;
      pending[level] = sum;
    }
    return pending[__builtin_ctz(r.partialCount)];
  };
  const auto put = [&](V sum, float *to, int count, bool accumulate) DENSOR_LAMBDA_INLINE {
    const V all = accumulate ? loadFirst<V>(to, count) + sum : sum;
    rest = rest + (all - all);
    storeFirst(all, to, count);
  };
  const Range lines = part(roundUp(weights, line) / line, chunk, r.chunks);
  const int end = lines.end * line < weights ? lines.end * line : weights;
  for (int first = lines.begin * line; first < end; first += V::size) {
    const int count = end - first < V::size ? end - first : V::size;
    for (int o = 0; o < outputs; o += V::size) {
      V square[V::size];
      int tap = first % taps, channel = first / taps;
      DENSOR_UNROLL for (int q = 0; q < V::size; q++) {
        square[q] = q < count ? total(static_cast<size_t>(tap) * channels + channel, o) : V::splat(0);
        if (++tap == taps) tap = 0, channel++;
      }
      transpose(square);
      DENSOR_UNROLL for (int lane = 0; lane < V::size; lane++)
        if (o + lane < outputs)
          put(square[lane], gradWeight + static_cast<size_t>(o + lane) * weights + first, count, r.accumulate & 1);
    }
  }
  for (int o = 0; chunk == 0 && gradBias && o < outputs; o += V::size) {
    float sums[V::size];
    total(static_cast<size_t>(weights), o).store(sums);
    const int count = outputs - o < V::size ? outputs - o : V::size;
    put(loadFirst<V>(sums, count), gradBias + o, count, r.accumulate & 2);
  }
  if (!r.isComplete) return;
  float rests[V::size];
  rest.store(rests);
  for (float each : rests)
    if (each != 0) return ctx.fail(); // NaN
}

}  // namespace densor
