// The head of a classifier: flatten, and the mean cross-entropy, computed in float64. Outputs are =, gradients = or +=.
// Inputs and outputs do not overlap. Unaligned addresses are allowed. Order of reduction: classes ascending; images of a
// leaf ascending, then leaves ascending.
#pragma once
#include "base/math.h"
#include "base/prologue.h"

namespace densor {

// [N, H, W, C] → [N, C·H·W], PyTorch's order. T: the element type of the feature map; features are float32.
template <class, class T> void flatten(const Context &ctx, const FlattenRecord &r, int) {
  const size_t pixels = static_cast<size_t>(r.size.height) * r.size.width;
  for (uint32_t n = 0; n < r.size.images; n++)
    for (size_t p = 0; p < pixels; p++)
      for (uint32_t c = 0; c < r.size.channels; c++)
        ctx.at(r.y, n, 1)[c * pixels + p] = vec<float, 1>::load(ctx.at<T>(r.x, n, pixels) + p * r.x.stride + c).v;
}

template <class, class T> void flattenGradInput(const Context &ctx, const FlattenGradInputRecord &r, int) {
  using One = vec<float, 1>;
  const size_t pixels = static_cast<size_t>(r.size.height) * r.size.width;
  for (uint32_t n = 0; n < r.size.images; n++) {
    const Corrected<One, float> gradOutput(ctx, r.gradOutput, n, 1);
    for (size_t p = 0; p < pixels; p++)
      for (uint32_t c = 0; c < r.size.channels; c++) {
        T *to = ctx.at<T>(r.gradient, n, pixels) + p * r.gradient.stride + c;
        const One gradient = gradOutput.load(0, static_cast<int>(c * pixels + p));
        (r.accumulate ? One::load(to) + gradient : gradient).store(to);
      }
  }
}

// log Σ exp(row[k]), shifted by the maximum to avoid overflow.
DENSOR_INLINE double logSumExp(const float *row, int classes) {
  double greatest = row[0], sum = 0;
  for (int k = 1; k < classes; k++) greatest = row[k] > greatest ? row[k] : greatest;
  for (int k = 0; k < classes; k++) sum += exponential(row[k] - greatest);
  return greatest + logarithm(sum);
}

// The weight of image n in the loss: 1 without weights.
inline double imageWeight(const Context &ctx, Address weights, int n) {
  return weights == NO_ADDRESS ? 1 : static_cast<double>(ctx.at(weights)[n]);
}

// partials[leaf] = [loss, correct] over the rows of the leaf. loss: Σ weight·(logSumExp(row) − Σ truth·row), with
// truth = (1 − smoothing)·onehot(label) + smoothing/classes. correct: the number of rows whose first maximum is at the
// label.
inline void crossEntropy(const Context &ctx, const CrossEntropyRecord &r) {
  const int32_t *labels = ctx.at<int32_t>(r.labels);
  const int classes = r.size.channels;
  const double certain = 1 - static_cast<double>(r.smoothing), spread = static_cast<double>(r.smoothing) / classes;
  for (uint32_t leaf = 0; leaf < r.leaves; leaf++) {
    const Range images = part(r.size.images, leaf, r.leaves);
    double loss = 0;
    int correct = 0;
    for (int n = images.begin; n < images.end; n++) {
      const float *row = ctx.at(r.logits, n, 1);
      int greatest = 0;
      for (int k = 1; k < classes; k++)
        if (row[k] > row[greatest]) greatest = k;
      double expected = certain * row[labels[n]];
      if (spread > 0)
        for (int k = 0; k < classes; k++) expected += spread * row[k];
      loss += imageWeight(ctx, r.imageWeights, n) * (logSumExp(row, classes) - expected);
      correct += greatest == labels[n];
    }
    float *partial = ctx.at(r.partials) + 2 * leaf;
    partial[0] = static_cast<float>(loss), partial[1] = static_cast<float>(correct);
  }
}

// loss = Σ losses / meanOver; correct = Σ correct.
inline void finalizeLoss(const Context &ctx, const FinalizeLossRecord &r) {
  double loss = 0, correct = 0;
  for (uint32_t leaf = 0; leaf < r.leaves; leaf++) {
    const float *partial = ctx.at(r.partials) + 2 * leaf;
    loss += partial[0], correct += partial[1];
  }
  *ctx.at(r.loss) = static_cast<float>(loss / r.meanOver);
  *ctx.at(r.correct) = static_cast<float>(correct);
  if (!isFinite(*ctx.at(r.loss))) ctx.fail();
}

// gradLogits = or += weight·(softmax(row) − truth) / meanOver
inline void crossEntropyGrad(const Context &ctx, const CrossEntropyGradRecord &r) {
  const int32_t *labels = ctx.at<int32_t>(r.labels);
  const int classes = r.size.channels;
  const double certain = 1 - static_cast<double>(r.smoothing), spread = static_cast<double>(r.smoothing) / classes;
  for (uint32_t n = 0; n < r.size.images; n++) {
    const float *row = ctx.at(r.logits, n, 1);
    float *to = ctx.at(r.gradLogits, n, 1);
    const double norm = logSumExp(row, classes), weight = imageWeight(ctx, r.imageWeights, static_cast<int>(n));
    for (int k = 0; k < classes; k++) {
      const double truth = (k == labels[n] ? certain : 0) + spread;
      const double gradient = weight * (exponential(row[k] - norm) - truth) / r.meanOver;
      to[k] = static_cast<float>((r.accumulate ? to[k] : 0) + gradient);
    }
  }
}

}  // namespace densor
