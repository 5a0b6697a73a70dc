// Gradient clipping, SGD, AdamW and moving averages, for all tensors in one record. A chunk is a range of the
// concatenation of all tensors. Updates are in place and elementwise, so results do not depend on the limits of chunks.
// If an earlier record produced NaN or infinity, nothing is updated. Tensors do not overlap. Unaligned addresses are
// allowed. Order of reduction of Σx²: per lane over blocks of 64 vectors, then lanes, blocks and chunks in ascending
// order, in float64.
#pragma once
#include "base/context.h"
#include "base/math.h"

namespace densor {

// Calls visit(tensor, begin, end) for the range of each tensor that belongs to a chunk.
template <class Record, class Visit>
DENSOR_INLINE void forShare(const Record &r, int chunk, Visit visit) {
  int64_t total = 0;
  for (uint32_t t = 0; t < r.tensorsCount; t++) total += r.tensors[t].count;
  const int64_t first = total * chunk / r.chunks, last = total * (chunk + 1) / r.chunks;
  int64_t at = 0;
  for (uint32_t t = 0; t < r.tensorsCount && at < last; t++) {
    const int64_t count = r.tensors[t].count;
    const int64_t begin = first > at ? first - at : 0, end = last - at < count ? last - at : count;
    if (begin < end) visit(r.tensors[t], static_cast<size_t>(begin), static_cast<size_t>(end));
    at += count;
  }
}

// Number of lanes to process at i: V::size, or fewer at the end.
template <class V> DENSOR_INLINE int lanes(size_t i, size_t end) {
  return end - i < V::size ? static_cast<int>(end - i) : V::size;
}

template <class V> DENSOR_INLINE double sumLanes(V x) {
  float each[V::size];
  x.store(each);
  double sum = 0;
  for (float lane : each) sum += lane;
  return sum;
}

// Gradients = or += their sums over ranks. A chunk has the same range of every tensor, so if a tensor occurs twice,
// both sums are added in order by one thread.
template <class V> void storeGradients(const Context &ctx, const StoreGradientsRecord &r, int chunk) {
  V rest = V::splat(0); // Σ(x − x): zero if all sums are finite, otherwise NaN
  for (uint32_t t = 0; t < r.tensorsCount; t++) {
    const Summed &tensor = r.tensors[t];
    const float *sums = ctx.at(r.sums) + tensor.first;
    float *to = ctx.at(tensor.to);
    const Range share = part(tensor.count, chunk, r.chunks);
    for (int i = share.begin; i < share.end; i += V::size) {
      const int count = lanes<V>(i, share.end);
      const V sum = loadFirst<V>(sums + i, count), all = tensor.accumulate ? loadFirst<V>(to + i, count) + sum : sum;
      rest = rest + (all - all);
      storeFirst(all, to + i, count);
    }
  }
  float rests[V::size];
  rest.store(rests);
  for (float each : rests)
    if (each != 0) return ctx.fail(); // NaN
}

// partials[chunk] = Σx²
template <class V> void sumSquares(const Context &ctx, const SumSquaresRecord &r, int chunk) {
  constexpr size_t block = 64 * V::size;
  double sum = 0;
  forShare(r, chunk, [&](const Numbers &tensor, size_t begin, size_t end) DENSOR_LAMBDA_INLINE {
    const float *x = ctx.at(tensor.at);
    for (size_t from = begin; from < end; from += block) {
      const size_t to = end - from < block ? end : from + block;
      V squares = V::splat(0);
      for (size_t i = from; i < to; i += V::size) {
        const V value = loadFirst<V>(x + i, lanes<V>(i, to));
        squares = fma(value, value, squares);
      }
      sum += sumLanes(squares);
    }
  });
  ctx.at(r.partials)[chunk] = static_cast<float>(sum);
}

// norm = √Σ partials, scale = min(1, maxNorm/(norm + 1e-6)), as torch.nn.utils.clip_grad_norm_.
inline void clipScale(const Context &ctx, const ClipScaleRecord &r) {
  double sum = 0;
  for (uint32_t k = 0; k < r.partialCount; k++) sum += ctx.at(r.partials)[k];
  const double norm = __builtin_sqrt(sum), scale = r.maxNorm / (norm + 1e-6);
  *ctx.at(r.norm) = static_cast<float>(norm);
  *ctx.at(r.scale) = static_cast<float>(scale < 1 ? scale : 1);
  if (!isFinite(*ctx.at(r.norm))) ctx.fail();
}

// As torch.optim.SGD without dampening: g = clip·gradient + weightDecay·p, v = momentum·v + g,
// p −= learningRate·(nesterov ? g + momentum·v : v); without a velocity, p −= learningRate·g.
template <class V> void sgd(const Context &ctx, const SgdRecord &r, int chunk) {
  if (ctx.control->failedRecord) return;
  const float *clip = ctx.at(r.scale);
  const V rate = V::splat(ctx.scalars->learningRate), momentum = V::splat(r.momentum), scale = V::splat(clip ? *clip : 1);
  const bool nesterov = r.nesterov != 0;
  forShare(r, chunk, [&](const Optimized &tensor, size_t begin, size_t end) DENSOR_LAMBDA_INLINE {
    float *parameter = ctx.at(tensor.parameter), *velocity = ctx.at(tensor.memory1);
    const float *gradient = ctx.at(tensor.gradient);
    const V decay = V::splat(tensor.weightDecay);
    const bool decays = tensor.weightDecay != 0;
    for (size_t i = begin; i < end; i += V::size) {
      const int count = lanes<V>(i, end);
      const V p = loadFirst<V>(parameter + i, count);
      V step = loadFirst<V>(gradient + i, count);
      if (clip) step = scale * step;
      if (decays) step = fma(decay, p, step);
      if (velocity) {
        const V v = fma(momentum, loadFirst<V>(velocity + i, count), step);
        storeFirst(v, velocity + i, count);
        step = nesterov ? fma(momentum, v, step) : v;
      }
      storeFirst(p - rate * step, parameter + i, count);
    }
  });
}

// base^exponent for 0 < base < 1; 0 where base is 0.
DENSOR_INLINE double power(double base, double exponent) {
  return base > 0 ? exponential(exponent * logarithm(base)) : 0;
}

// AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), as torch.optim.AdamW; rest1 = 1 − β₁, rest2 = 1 − β₂.
template <class V> void adamw(const Context &ctx, const AdamwRecord &r, int chunk) {
  if (ctx.control->failedRecord) return;
  const float *clip = ctx.at(r.scale);
  const double rate = ctx.scalars->learningRate, step = ctx.scalars->step;
  const V scale = V::splat(clip ? *clip : 1), eps = V::splat(r.eps);
  const double keep1 = 1 - static_cast<double>(r.rest1), keep2 = 1 - static_cast<double>(r.rest2);
  const V beta1 = V::splat(static_cast<float>(keep1)), rest1 = V::splat(r.rest1);
  const V beta2 = V::splat(static_cast<float>(keep2)), rest2 = V::splat(r.rest2);
  const V size = V::splat(static_cast<float>(rate / (1 - power(keep1, step))));
  const V unbias = V::splat(static_cast<float>(1 / __builtin_sqrt(1 - power(keep2, step))));
  forShare(r, chunk, [&](const Optimized &tensor, size_t begin, size_t end) DENSOR_LAMBDA_INLINE {
    float *parameter = ctx.at(tensor.parameter), *m = ctx.at(tensor.memory1), *v = ctx.at(tensor.memory2);
    const float *gradient = ctx.at(tensor.gradient);
    const V keep = V::splat(static_cast<float>(1 - rate * tensor.weightDecay));
    for (size_t i = begin; i < end; i += V::size) {
      const int count = lanes<V>(i, end);
      V g = loadFirst<V>(gradient + i, count);
      if (clip) g = scale * g;
      const V mean = fma(beta1, loadFirst<V>(m + i, count), rest1 * g);
      const V square = fma(beta2, loadFirst<V>(v + i, count), rest2 * (g * g));
      storeFirst(mean, m + i, count);
      storeFirst(square, v + i, count);
      const V p = keep * loadFirst<V>(parameter + i, count);
      storeFirst(p - size * mean / fma(squareRoot(square), unbias, eps), parameter + i, count);
    }
  });
}

// average += max(rest, 9/(10 + step))·(value − average): the average has a shorter memory in the first steps.
template <class V> void movingAverage(const Context &ctx, const MovingAverageRecord &r, int chunk) {
  if (ctx.control->failedRecord) return;
  const float young = static_cast<float>(9 / (10 + static_cast<double>(ctx.scalars->step)));
  const V rest = V::splat(r.rest > young ? r.rest : young);
  forShare(r, chunk, [&](const Averaged &tensor, size_t begin, size_t end) DENSOR_LAMBDA_INLINE {
    float *average = ctx.at(tensor.average);
    const float *value = ctx.at(tensor.value);
    for (size_t i = begin; i < end; i += V::size) {
      const int count = lanes<V>(i, end);
      const V mean = loadFirst<V>(average + i, count);
      storeFirst(fma(rest, loadFirst<V>(value + i, count) - mean, mean), average + i, count);
    }
  });
}

}  // namespace densor
