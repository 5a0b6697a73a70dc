// The gradient of a convolution's weights and bias. Images are cut into parts that sum into a partial each,
// [kH·kW·C + 1][roundUp(O, 16)]; reduceGradWeight adds the partials in order. Sums run over pixels, ascending.
#pragma once
#include "base/math.h"
#include "base/prologue.h"
#include "conv/micro_kernel.h"
#include "conv/pack.h"

namespace densor {

// Where a strip's outputs lie: images of rows of pixels, and the floats from one to the next.
struct StripWalk {
  int images, rows, width;
  ptrdiff_t inputImage, inputRow, inputPixel, gradientPixel;
};

// One tile of a partial += Σ over a strip's pixels: `inputs` are the tile's R weights at the first pixel, `gradients`
// its B vectors. A function of its own, so that the accumulators get every register there is.
template <class V, int R, int B>
__attribute__((noinline)) void accumulateTile(float *partial, size_t partialStride, const float *inputs,
                                              const float *gradients, const StripWalk &walk) {
  V tile[R][B];
  DENSOR_UNROLL for (int a = 0; a < R; a++) DENSOR_UNROLL for (int b = 0; b < B; b++)
      tile[a][b] = V::load(partial + a * partialStride + b * V::size);
  for (int n = 0; n < walk.images; n++)
    for (int i = 0; i < walk.rows; i++) {
      multiplyAdd<V, R, B>(tile, inputs + n * walk.inputImage + i * walk.inputRow, 1, walk.inputPixel, gradients,
                           walk.gradientPixel, walk.width);
      gradients += walk.width * walk.gradientPixel;
    }
  DENSOR_UNROLL for (int a = 0; a < R; a++) DENSOR_UNROLL for (int b = 0; b < B; b++)
      tile[a][b].store(partial + a * partialStride + b * V::size);
}

// Chunks cut the images into `imageChunks` partials and, for wide inputs, the channels: those share a partial.
template <class V> void conv2dGradWeight(const Context &ctx, const Conv2dGradWeightRecord &r, int chunk) {
  const int imageChunk = chunk % static_cast<int>(r.imageChunks), imageChunks = r.imageChunks;
  const int channelChunk = chunk / imageChunks, channelChunks = static_cast<int>(r.chunks) / imageChunks;
  const Range images = part(r.in.images, imageChunk, imageChunks);
  const Range slice = part(r.in.channels, channelChunk, channelChunks);
  const Window &w = r.window;
  const Prologued<V> prologue(ctx, r.prologue);
  const int channels = r.in.channels, sliced = slice.end - slice.begin;
  const int height = r.out.height, width = r.out.width, outputs = paddedChannels(r.out.channels);
  const int taps = static_cast<int>(w.kernelHeight * w.kernelWidth);
  const size_t inPixels = static_cast<size_t>(r.in.height) * r.in.width;
  const size_t outPixels = static_cast<size_t>(height) * width;
  float *partial = ctx.at(r.partials) + static_cast<size_t>(imageChunk) * (taps * channels + 1) * outputs;
  float *biasRow = channelChunk == 0 ? partial + static_cast<size_t>(taps) * channels * outputs : nullptr;
  if (biasRow) __builtin_memset(biasRow, 0, outputs * sizeof(float));
  // All channels: a kernel row's (column, channel) pairs lie side by side in the strip and in the partial. A slice
  // of them: so do the channels of one tap.
  const bool whole = sliced == channels;
  const int runs = whole ? static_cast<int>(w.kernelHeight) : taps;
  const int length = whole ? static_cast<int>(w.kernelWidth) * channels : sliced;
  const auto partialRun = [&](int run) {
    return partial + static_cast<size_t>(whole ? run * length : run * channels + slice.begin) * outputs;
  };
  for (int run = 0; run < runs; run++)
    __builtin_memset(partialRun(run), 0, static_cast<size_t>(length) * outputs * sizeof(float));

  // A strip is some rows of one image, or several whole images: small maps would be over before they began.
  for (int n = images.begin; n < images.end; n += r.stripImages) {
    const int together = n + static_cast<int>(r.stripImages) <= images.end ? r.stripImages : images.end - n;
    for (int top = 0; top < height; top += r.stripRows) {
      const int rows = top + static_cast<int>(r.stripRows) <= height ? r.stripRows : height - top;
      Strip strip = inputStrip(r.in, w, top, rows, width);
      strip.channels = sliced;
      const size_t stripFloats = strip.rows * strip.pitch();
      float *gradients = ctx.scratch, *inputs = gradients + static_cast<size_t>(together) * rows * width * outputs;
      for (int i = 0; i < together; i++) {
        const Corrected<V> gradOutput(ctx, r.gradOutput, n + i, outPixels);
        const float *x = ctx.at(r.x, n + i, inPixels);
        float *to = gradients + static_cast<size_t>(i) * rows * width * outputs;
        for (int p = 0; p < rows * width; p++, to += outputs)
          for (int o = 0; o < static_cast<int>(r.out.channels); o += V::size) {
            const V g = gradOutput.load(static_cast<size_t>(top) * width + p, o);
            g.store(to + o);
            if (biasRow) (V::load(biasRow + o) + g).store(biasRow + o);
          }
        packStrip<V>(strip, inputs + i * stripFloats, [&](size_t pixel, int c) DENSOR_LAMBDA_INLINE {
          return prologue.load(x + pixel * r.x.stride, slice.begin + c);
        });
      }
      const StripWalk walk = {.images = together,
                              .rows = rows,
                              .width = width,
                              .inputImage = static_cast<ptrdiff_t>(stripFloats),
                              .inputRow = static_cast<ptrdiff_t>(w.strideHeight * strip.pitch()),
                              .inputPixel = static_cast<ptrdiff_t>(w.strideWidth) * sliced,
                              .gradientPixel = outputs};

      const int vectors = roundUp(r.out.channels, V::size) / V::size;
      for (int run = 0; run < runs; run++) {
        const int kernelRow = whole ? run : run / static_cast<int>(w.kernelWidth);
        const int kernelColumn = whole ? 0 : run % static_cast<int>(w.kernelWidth);
        const float *inputRun = inputs + kernelRow * strip.pitch() + kernelColumn * sliced;
        forTiles(length, V::tileRows, [&](int first, int rowsOfTile) {
          for (int o = 0; o < vectors; o += V::tileBlocks)
            withTile<V>(rowsOfTile, vectors - o, [&]<int R, int B>() DENSOR_LAMBDA_INLINE {
              accumulateTile<V, R, B>(partialRun(run) + static_cast<size_t>(first) * outputs + o * V::size, outputs,
                                      inputRun + first, gradients + o * V::size, walk);
            });
        });
      }
    }
  }
}

// gradWeight [O, C, kH, kW] and gradBias [O] = or += the sum of the partials, in order. Chunks cut the channels: one
// channel's taps lie side by side for every output, so cache lines are filled while they are near.
template <class V> void reduceGradWeight(const Context &ctx, const ReduceGradWeightRecord &r, int chunk) {
  const int taps = r.kernelHeight * r.kernelWidth, channels = r.inChannels, outputs = r.outChannels;
  const int padded = paddedChannels(outputs);
  const size_t size = (static_cast<size_t>(taps) * channels + 1) * padded;
  const float *partials = ctx.at(r.partials);
  float *gradWeight = ctx.at(r.gradWeight), *gradBias = ctx.at(r.gradBias);
  bool finite = true;
  const auto sum = [&](size_t row, float *to, size_t stride, bool accumulate) {
    for (int o = 0; o < outputs; o += V::size) {
      V total = V::splat(0);
      for (uint32_t p = 0; p < r.partialCount; p++) total = total + V::load(partials + p * size + row * padded + o);
      float lanes[V::size];
      total.store(lanes);
      for (int lane = 0; lane < V::size && o + lane < outputs; lane++) {
        float &each = to[(o + lane) * stride];
        each = (accumulate ? each : 0) + lanes[lane];
        finite = finite && isFinite(lanes[lane]);
      }
    }
  };
  const Range range = part(channels, chunk, r.chunks);
  for (int c = range.begin; c < range.end; c++)
    for (int t = 0; t < taps; t++)
      sum(static_cast<size_t>(t) * channels + c, gradWeight + static_cast<size_t>(c) * taps + t,
          static_cast<size_t>(channels) * taps, r.accumulate & 1);
  if (chunk == 0 && gradBias) sum(static_cast<size_t>(taps) * channels, gradBias, 1, r.accumulate & 2);
  if (!finite) ctx.fail();
}

}  // namespace densor
