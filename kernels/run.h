// The interpreter: every thread processes the same list of records; the chunks of a record are assigned dynamically to
// idle threads. The work of a chunk depends only on shapes, so results do not depend on the number of threads.
#pragma once
#include "base/barrier.h"
#include "base/clock.h"
#include "base/entry.h"
#include "conv/tiles.h"

namespace densor {

// Executes one chunk of a record.
inline void runChunk(const Context &ctx, OpCode code, const void *record, int chunk) {
  switch (code) {
#define DENSOR_CASE(name, Name)                                                                                        \
  case OpCode::name:                                                                                                   \
    return name(ctx, *static_cast<const Name##Record *>(record), chunk);
    DENSOR_RECORDS(DENSOR_CASE)
#undef DENSOR_CASE
    case OpCode::gather:
    case OpCode::treeSum: return; // Collectives: the session executes them, between two calls of run().
  }
}

// program: `count` records, each a RecordHeader and its fields. A record's duration is the time between two barriers:
// it includes the time that threads wait for the slowest one.
inline void run(Context ctx, const uint32_t *program, uint32_t count, uint32_t threads) {
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
        // The first thread that finds no chunk left resets the other counter, which is unused until after the barrier.
        if (chunk == chunks) __atomic_store_n(&control->nextChunk[~record & 1], 0, __ATOMIC_RELAXED);
        break;
      }
      runChunk(ctx, code, program, static_cast<int>(chunk));
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
