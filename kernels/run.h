// The interpreter: every thread walks the same records; the chunks of a record go to whichever thread is free.
// A chunk's work depends on the shapes alone, so results do not depend on the number of threads.
#pragma once
#include "base/barrier.h"
#include "base/clock.h"
#include "base/entry.h"
#include "conv/tiles.h"

namespace densor {

// One record, for one chunk.
inline void runChunk(const Context &ctx, OpCode code, const void *record, int chunk) {
  switch (code) {
#define DENSOR_CASE(name, Name)                                                                                        \
  case OpCode::name:                                                                                                   \
    return name(ctx, *static_cast<const Name##Record *>(record), chunk);
    DENSOR_RECORDS(DENSOR_CASE)
#undef DENSOR_CASE
    case OpCode::gather:
    case OpCode::treeSum: return; // The session's: it runs the records before and after them apart.
  }
}

// program: `count` records, each a RecordHeader and its fields. A record's duration is from one barrier to
// the next: the work of all threads, and their waiting for the last of them.
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
        // The first to find nothing left readies the other counter; nobody uses that one before the barrier.
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
