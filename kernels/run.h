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
#include "conv/winograd.h"
#include "conv/winograd_grad_input.h"
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
// On feature maps: `view` is one of them, and all maps of a record store alike.
#define MAPS(Kind, Name, call, view)                                                                                   \
  case OpCode::Kind: {                                                                                                 \
    const auto &r = *static_cast<const Name##Record *>(record);                                                        \
    return r.view.elementBytes == 2 ? call<V, Bfloat16>(ctx, r, chunk) : call<V, float>(ctx, r, chunk);               \
  }
  switch (code) {
    CHUNKED(packWeights, PackWeights, packWeights<V>)
    WHOLE(coefficients, Coefficients, coefficients)
    MAPS(conv2d, Conv2d, conv2d, x)
    MAPS(pointwise, Pointwise, pointwise, x)
    CHUNKED(winogradWeights, WinogradWeights, winogradWeights<V>)
    MAPS(winograd, Winograd, winograd, x)
    MAPS(winogradGradInput, WinogradGradInput, winogradGradInput, x)
    MAPS(conv2dGradInput, Conv2dGradInput, conv2dGradInput, x)
    MAPS(conv2dGradWeight, Conv2dGradWeight, conv2dGradWeight, x)
    CHUNKED(reduceGradWeight, ReduceGradWeight, reduceGradWeight<V>)
    MAPS(dropout, Dropout, dropout, y)
    MAPS(elementwise, Elementwise, elementwise, x)
    MAPS(elementwiseGradInput, ElementwiseGradInput, elementwiseGradInput, x)
    MAPS(maxPool, MaxPool, maxPool, x)
    MAPS(maxPoolGradInput, MaxPoolGradInput, maxPoolGradInput, x)
    MAPS(conv2dMaxPool, Conv2dMaxPool, conv2dMaxPool, x)
    MAPS(conv2dMaxPoolGradWeight, Conv2dMaxPoolGradWeight, conv2dMaxPoolGradWeight, x)
    MAPS(avgPool, AvgPool, avgPool, x)
    MAPS(avgPoolGradInput, AvgPoolGradInput, avgPoolGradInput, x)
    MAPS(statistics, Statistics, statistics, x)
    WHOLE(finalizeStatistics, FinalizeStatistics, finalizeStatistics)
    WHOLE(finalizeGradSums, FinalizeGradSums, finalizeGradSums)
    WHOLE(finalizeCorrection, FinalizeCorrection, finalizeCorrection)
    MAPS(flatten, Flatten, flatten, x)
    MAPS(flattenGradInput, FlattenGradInput, flattenGradInput, gradient)
    WHOLE(crossEntropy, CrossEntropy, crossEntropy)
    WHOLE(finalizeLoss, FinalizeLoss, finalizeLoss)
    WHOLE(crossEntropyGrad, CrossEntropyGrad, crossEntropyGrad)
    WHOLE(updateRunningStatistics, UpdateRunningStatistics, updateRunningStatistics)
    CHUNKED(sumSquares, SumSquares, sumSquares<V>)
    WHOLE(clipScale, ClipScale, clipScale)
    CHUNKED(sgd, Sgd, sgd<V>)
    CHUNKED(adamw, Adamw, adamw<V>)
    CHUNKED(movingAverage, MovingAverage, movingAverage<V>)
    CHUNKED(storeGradients, StoreGradients, storeGradients<V>)
    case OpCode::gather:
    case OpCode::treeSum: return; // The session's: it runs the records before and after them apart.
  }
#undef CHUNKED
#undef WHOLE
#undef MAPS
}

// program: `count` records, each a RecordHeader and its fields. A record's duration is from one barrier to
// the next: the work of all threads, and their waiting for the last of them.
template <class V>
void run(Context ctx, const uint32_t *program, uint32_t count, uint32_t threads) {
  Control *control = ctx.control;
  [[maybe_unused]] const TileState tiles;
  double before = ctx.durations ? now() : 0;
  for (uint32_t record = 0; record < count; record++) {
    const auto [code, chunks, words] = *reinterpret_cast<const RecordHeader *>(program);
    program += sizeof(RecordHeader) / sizeof(uint32_t);
    uint32_t *next = &control->nextChunk[record & 1];
    ctx.record = record;
    for (;;) {
      const uint32_t chunk = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
      if (chunk >= chunks) {
        // The first to find nothing left readies the other counter; nobody uses that one before the barrier.
        if (chunk == chunks) __atomic_store_n(&control->nextChunk[~record & 1], 0, __ATOMIC_RELAXED);
        break;
      }
      runChunk<V>(ctx, code, program, static_cast<int>(chunk));
    }
    barrier(control, threads);
    if (ctx.durations) {
      const double after = now();
      ctx.durations[record] = after - before;
      before = after;
    }
    program += words;
  }
}

}  // namespace densor
