// The gradient of a convolution's weights and bias. Each chunk of images sums into a partial of its own,
// [kH·kW·C + 1][roundUp(O, 16)]; reduceGradWeight adds the partials in order. Sums run over pixels, ascending.
#pragma once
#include "base/math.h"
#include "base/prologue.h"
#include "conv/micro_kernel.h"
#include "conv/pack.h"

namespace densor {

// Where a chunk sums, emptied: the weights' rows, and the bias's behind them.
struct GradWeightPartial {
  float *weights, *bias;
  int outputs; // floats of a row

  template <class Record>
  GradWeightPartial(const Context &ctx, const Record &r, int chunk) : outputs(paddedChannels(r.out.channels)) {
    const size_t size = (static_cast<size_t>(r.window.kernelHeight) * r.window.kernelWidth * r.in.channels + 1) * outputs;
    weights = ctx.at(r.partials) + chunk * size;
    bias = weights + size - outputs;
    __builtin_memset(weights, 0, size * sizeof(float));
  }
};

// partial += the gradient that `rows` rows of outputs give, from their packed input and their gradients,
// [rows·width][partial.outputs].
template <class V, class Record>
void sumGradWeight(const GradWeightPartial &partial, const Record &r, const Strip &strip, const float *inputs,
                   const float *gradients, int rows) {
  const Window &w = r.window;
  const int channels = r.in.channels, width = r.out.width, outputs = partial.outputs;
  const int kernelHeight = w.kernelHeight, depth = static_cast<int>(w.kernelWidth) * channels;
  const ptrdiff_t pixelStep = static_cast<ptrdiff_t>(w.strideWidth) * channels;
  for (int k = 0; k < kernelHeight; k++)
    forTiles(depth, V::tileRows, [&](int d, int length) {
      withConstant<V::tileRows>(length, [&](auto tileRows) {
        constexpr int R = decltype(tileRows)::value;
        const int used = roundUp(r.out.channels, V::size) / V::size;
        for (int o = 0; o < used; o += V::tileBlocks)
          withConstant<V::tileBlocks>(used - o < V::tileBlocks ? used - o : V::tileBlocks, [&](auto blocks) {
            constexpr int B = decltype(blocks)::value;
            float *to = partial.weights + (static_cast<size_t>(k) * depth + d) * outputs + o * V::size;
            V tile[R][B];
            DENSOR_UNROLL for (int a = 0; a < R; a++) DENSOR_UNROLL for (int b = 0; b < B; b++)
                tile[a][b] = V::load(to + static_cast<size_t>(a) * outputs + b * V::size);
            for (int i = 0; i < rows; i++)
              multiplyAdd<V, R, B>(tile, inputs + (i * w.strideHeight + k) * strip.pitch() + d, 1, pixelStep,
                                   gradients + static_cast<size_t>(i) * width * outputs + o * V::size, outputs,
                                   width);
            DENSOR_UNROLL for (int a = 0; a < R; a++) DENSOR_UNROLL for (int b = 0; b < B; b++)
                tile[a][b].store(to + static_cast<size_t>(a) * outputs + b * V::size);
          });
      });
    });
}

template <class V> void conv2dGradWeight(const Context &ctx, const Conv2dGradWeightRecord &r, int chunk) {
  const Range images = part(r.in.images, chunk, r.chunks);
  const Prologued<V> prologue(ctx, r.prologue);
  const int height = r.out.height, width = r.out.width;
  const size_t inPixels = static_cast<size_t>(r.in.height) * r.in.width;
  const size_t outPixels = static_cast<size_t>(height) * width;
  const GradWeightPartial partial(ctx, r, chunk);
  const int outputs = partial.outputs;

  for (int n = images.begin; n < images.end; n++) {
    const Corrected<V> gradOutput(ctx, r.gradOutput, n, outPixels);
    const float *x = ctx.at(r.x, n, inPixels);
    for (int top = 0; top < height; top += r.stripRows) {
      const int rows = top + static_cast<int>(r.stripRows) <= height ? r.stripRows : height - top;
      const Strip strip = inputStrip(r, top, rows);
      float *gradients = ctx.scratch, *inputs = gradients + static_cast<size_t>(rows) * width * outputs;
      for (int p = 0; p < rows * width; p++)
        for (int o = 0; o < static_cast<int>(r.out.channels); o += V::size) {
          const V g = gradOutput.load(static_cast<size_t>(top) * width + p, o);
          g.store(gradients + static_cast<size_t>(p) * outputs + o);
          (V::load(partial.bias + o) + g).store(partial.bias + o);
        }
      packStrip<V>(strip, inputs, [&](size_t pixel, int c) { return prologue.load(x + pixel * r.x.stride, c); });
      sumGradWeight<V>(partial, r, strip, inputs, gradients, rows);
    }
  }
}

// gradWeight [O, C, kH, kW] and gradBias [O] = or += the sum of the partials, in order. Chunks cut the rows.
inline void reduceGradWeight(const Context &ctx, const ReduceGradWeightRecord &r, int chunk) {
  const int taps = r.kernelHeight * r.kernelWidth, channels = r.inChannels, outputs = r.outChannels;
  const int padded = paddedChannels(outputs);
  const size_t size = (static_cast<size_t>(taps) * channels + 1) * padded;
  const float *partials = ctx.at(r.partials);
  float *gradWeight = ctx.at(r.gradWeight), *gradBias = ctx.at(r.gradBias);
  bool finite = true;
  const auto sum = [&](size_t row, int o) {
    float total = 0;
    for (uint32_t p = 0; p < r.partialCount; p++) total += partials[p * size + row * padded + o];
    finite = finite && isFinite(total);
    return total;
  };
  const Range rows = part(taps * channels, chunk, r.chunks);
  for (int row = rows.begin; row < rows.end; row++)
    for (int o = 0; o < outputs; o++) {
      float &to = gradWeight[(static_cast<size_t>(o) * channels + row % channels) * taps + row / channels];
      to = (r.accumulate & 1 ? to : 0) + sum(row, o);
    }
  if (chunk == 0 && gradBias)
    for (int o = 0; o < outputs; o++)
      gradBias[o] = (r.accumulate & 2 ? gradBias[o] : 0) + sum(static_cast<size_t>(taps) * channels, o);
  if (!finite) ctx.fail();
}

}  // namespace densor
