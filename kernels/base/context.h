// What a kernel is given besides its record: memory, its thread's scratch, and where failures are noted.
#pragma once
#include "base/records.h"
#include "base/vec.h"

namespace densor {

// Shared by the threads of an engine; all zero before a run.
struct Control {
  uint32_t arrived;      // threads waiting at the barrier
  uint32_t generation;   // barriers passed
  uint32_t nextChunk[2]; // of the op that runs, and of the one after it
  uint32_t failedRecord; // 1 + index of the first record that met NaN or infinity; 0: none
};

struct Context {
  uint8_t *slabs[4];
  float *scratch;
  const float *scalars; // [learningRate, step (from 1), stepSeed (32 bits), firstImage (32 bits)]
  Control *control;
  uint32_t record; // index of the record that runs
  double *durations; // of each record in ms, written by the thread that has it; null: not wanted

  template <class T = float> DENSOR_INLINE T *at(Address address) const {
    if (address == NO_ADDRESS) return nullptr;
    return reinterpret_cast<T *>(slabs[address >> 30] + static_cast<size_t>(address & 0x3fffffff) * 64);
  }
  // This thread's, from its n-th float on.
  template <class T = float> DENSOR_INLINE T *scratchFrom(size_t floats = 0) const {
    return reinterpret_cast<T *>(scratch + floats);
  }
  // Of the step's random numbers.
  DENSOR_INLINE uint32_t stepSeed() const { return integer(2); }
  // Where in the step's batch the images of this run begin.
  DENSOR_INLINE uint32_t firstImage() const { return integer(3); }
  DENSOR_INLINE uint32_t integer(int scalar) const {
    uint32_t bits;
    __builtin_memcpy(&bits, scalars + scalar, 4);
    return bits;
  }
  DENSOR_INLINE float *at(const Vector &v) const {
    return v.address == NO_ADDRESS ? nullptr : at(v.address) + v.offset;
  }
  // First pixel of an image of `pixels` pixels; T: what the view stores.
  template <class T = float> DENSOR_INLINE T *at(const View &v, size_t image, size_t pixels) const {
    return at<T>(v.address) + image * pixels * v.stride + v.offset;
  }
  void fail() const {
    uint32_t none = 0;
    __atomic_compare_exchange_n(&control->failedRecord, &none, record + 1, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
  }
};

struct Range {
  int begin, end;
};

// Part `index` of `count` nearly equal parts of [0, total): depends on the shapes alone, never on threads.
DENSOR_INLINE Range part(int total, int index, int count) {
  return {static_cast<int>(static_cast<int64_t>(total) * index / count),
          static_cast<int>(static_cast<int64_t>(total) * (index + 1) / count)};
}

// What a chunk of a forward record works on: whole images or, where there are more chunks than images, some rows of one.
struct Cut {
  Range images, rows;
};

DENSOR_INLINE Cut cut(int images, int rows, int chunk, int chunks) {
  if (chunks <= images) return {part(images, chunk, chunks), {0, rows}};
  const int parts = chunks / images, image = chunk / parts;
  return {{image, image + 1}, part(rows, chunk % parts, parts)};
}

DENSOR_INLINE int roundUp(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

// Vectors over channels that a partial holds are padded to whole cache lines.
DENSOR_INLINE int paddedChannels(int channels) { return roundUp(channels, 16); }

}  // namespace densor
