// Each kernel family has one .cpp file (a translation unit), which instantiates its kernels for `Widest` as the
// functions that run.h calls, one per kind of record. After a change in one family, only its unit is recompiled.
#pragma once
#include "base/context.h"
#include "base/vec.h"

namespace densor {

// Declares void name(context, record, chunk) for every kind of record that a kernel executes. Records without chunks
// have one chunk.
#define DENSOR_DECLARE(name, Name) void name(const Context &ctx, const Name##Record &r, int chunk);
DENSOR_RECORDS(DENSOR_DECLARE)
#undef DENSOR_DECLARE

// Defines it for a kernel that is a template over the vector type.
#define DENSOR_CHUNKED(name, Name)                                                                                     \
  void name(const Context &ctx, const Name##Record &r, int chunk) { return name<Widest>(ctx, r, chunk); }
// Defines it for a kernel without chunks.
#define DENSOR_WHOLE(name, Name)                                                                                       \
  void name(const Context &ctx, const Name##Record &r, int) { return name(ctx, r); }
// Defines it for a kernel on feature maps, also a template over their element type, which is the same for all maps of a
// record: that of `view`.
#define DENSOR_MAPS(name, Name, view)                                                                                  \
  void name(const Context &ctx, const Name##Record &r, int chunk) {                                                   \
    return r.view.elementBytes == 2 ? name<Widest, Bfloat16>(ctx, r, chunk) : name<Widest, float>(ctx, r, chunk);    \
  }

}  // namespace densor
