// The interpreter: every thread walks the same records; the chunks of a record go to whichever thread is free.
// A chunk's work depends on the shapes alone, so results do not depend on the number of threads.
#pragma once
#include "base/barrier.h"
#include "base/clock.h"
#include "batch_norm/batch_norm.h"
#include "conv/conv2d.h"
#include "conv/conv2d_grad_input.h"
#include "conv/conv2d_grad_weight.h"
#include "conv/conv2d_max_pool.h"
#include "conv/pointwise.h"
#include "dropout/dropout.h"
#include "elementwise/elementwise.h"
#include "head/head.h"
#include "pool/pool.h"
#include "update/optimizer.h"
#include "update/update.h"

namespace densor {

// One record, for one chunk (records without chunks are one).
template <class V> void runChunk(const Context &ctx, OpCode code, const void *record, int chunk) {
#define CHUNKED(Kind, Name, call)                                                                                      \
  case OpCode::Kind:                                                                                                   \
    return call(ctx, *static_cast<const Name##Record *>(record), chunk);
#define WHOLE(Kind, Name, call)                                                                                        \
  case OpCode::Kind:                                                                                                   \
    return call(ctx, *static_cast<const Name##Record *>(record));
  switch (code) {
    CHUNKED(packWeights, PackWeights, packWeights<V>)
    WHOLE(coefficients, Coefficients, coefficients)
    CHUNKED(conv2d, Conv2d, conv2d<V>)
    CHUNKED(pointwise, Pointwise, pointwise<V>)
    CHUNKED(conv2dGradInput, Conv2dGradInput, conv2dGradInput<V>)
    CHUNKED(conv2dGradWeight, Conv2dGradWeight, conv2dGradWeight<V>)
    CHUNKED(reduceGradWeight, ReduceGradWeight, reduceGradWeight<V>)
    CHUNKED(dropout, Dropout, dropout<V>)
    CHUNKED(elementwise, Elementwise, elementwise<V>)
    CHUNKED(elementwiseGradInput, ElementwiseGradInput, elementwiseGradInput<V>)
    CHUNKED(maxPool, MaxPool, maxPool<V>)
    CHUNKED(maxPoolGradInput, MaxPoolGradInput, maxPoolGradInput<V>)
    CHUNKED(conv2dMaxPool, Conv2dMaxPool, conv2dMaxPool<V>)
    CHUNKED(conv2dMaxPoolGradWeight, Conv2dMaxPoolGradWeight, conv2dMaxPoolGradWeight<V>)
    CHUNKED(avgPool, AvgPool, avgPool<V>)
    CHUNKED(avgPoolGradInput, AvgPoolGradInput, avgPoolGradInput<V>)
    CHUNKED(statistics, Statistics, statistics<V>)
    WHOLE(finalizeStatistics, FinalizeStatistics, finalizeStatistics)
    WHOLE(finalizeGradSums, FinalizeGradSums, finalizeGradSums)
    WHOLE(finalizeCorrection, FinalizeCorrection, finalizeCorrection)
    WHOLE(flatten, Flatten, flatten)
    WHOLE(flattenGradInput, FlattenGradInput, flattenGradInput)
    WHOLE(crossEntropy, CrossEntropy, crossEntropy)
    WHOLE(crossEntropyGrad, CrossEntropyGrad, crossEntropyGrad)
    WHOLE(updateRunningStatistics, UpdateRunningStatistics, updateRunningStatistics)
    CHUNKED(sumSquares, SumSquares, sumSquares<V>)
    WHOLE(clipScale, ClipScale, clipScale)
    CHUNKED(sgd, Sgd, sgd<V>)
    CHUNKED(adamw, Adamw, adamw<V>)
    CHUNKED(movingAverage, MovingAverage, movingAverage<V>)
  }
#undef CHUNKED
#undef WHOLE
}

// program: records of [op code, chunks, words, fields…], `count` of them. A record's duration is from one barrier to
// the next: the work of all threads, and their waiting for the last of them.
template <class V>
void run(Context ctx, const uint32_t *program, uint32_t count, uint32_t threads) {
  Control *control = ctx.control;
  double before = ctx.durations ? now() : 0;
  for (uint32_t record = 0; record < count; record++) {
    const OpCode code = static_cast<OpCode>(program[0]);
    const uint32_t chunks = program[1], words = program[2];
    uint32_t *next = &control->nextChunk[record & 1];
    ctx.record = record;
    for (;;) {
      const uint32_t chunk = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
      if (chunk >= chunks) {
        // The first to find nothing left readies the other counter; nobody uses that one before the barrier.
        if (chunk == chunks) __atomic_store_n(&control->nextChunk[~record & 1], 0, __ATOMIC_RELAXED);
        break;
      }
      runChunk<V>(ctx, code, program + 3, static_cast<int>(chunk));
    }
    barrier(control, threads);
    if (ctx.durations) {
      const double after = now();
      ctx.durations[record] = after - before;
      before = after;
    }
    program += 3 + words;
  }
}

}  // namespace densor
