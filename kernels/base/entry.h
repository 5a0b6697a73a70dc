// A unit is a .cpp file beside its family's headers: it instantiates kernels for `Widest` as the functions that run.h calls,
// one for each kind of record. Units compile apart, so a change of a family compiles that family alone.
#pragma once
#include "base/context.h"
#include "base/vec.h"

namespace densor {

// void name(context, record, chunk), for every kind of record that a kernel runs. Records without chunks are one.
#define DENSOR_DECLARE(name, Name) void name(const Context &ctx, const Name##Record &r, int chunk);
DENSOR_RECORDS(DENSOR_DECLARE)
#undef DENSOR_DECLARE

// Of a kernel that is a template over the vector.
#define DENSOR_CHUNKED(name, Name)                                                                                     \
  void name(const Context &ctx, const Name##Record &r, int chunk) { return name<Widest>(ctx, r, chunk); }
// Of one without chunks.
#define DENSOR_WHOLE(name, Name)                                                                                       \
  void name(const Context &ctx, const Name##Record &r, int) { return name(ctx, r); }
// Of one on feature maps, a template over what they store too: `view` is one of them, and all maps of a record store alike.
#define DENSOR_MAPS(name, Name, view)                                                                                  \
  void name(const Context &ctx, const Name##Record &r, int chunk) {                                                   \
    return r.view.elementBytes == 2 ? name<Widest, Bfloat16>(ctx, r, chunk) : name<Widest, float>(ctx, r, chunk);    \
  }

}  // namespace densor
