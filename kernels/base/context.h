// The arguments of a kernel besides its record: memory, the thread's scratch and the control block.
#pragma once
#include "base/interface.h"
#include "base/vec.h"

namespace densor {

static_assert(sizeof(Control) <= CONTROL_BYTES);

struct Context {
  Slabs slabs;
  float *scratch;
  const Scalars *scalars; // inputs of the run
  Control *control;       // shared by the threads of an engine; all zero before a run
  uint32_t record; // index of the current record
  double *durations; // ms of each record; null on all threads but one, and without profiling

  template <class T = float> DENSOR_INLINE T *at(Address address) const {
    if (address == NO_ADDRESS) return nullptr;
    constexpr Address units = (Address{1} << SLAB_BITS) - 1;
    return reinterpret_cast<T *>(slabOf(slabs, address >> SLAB_BITS) +
                                 static_cast<size_t>(address & units) * ALIGNMENT_BYTES);
  }
  // This thread's scratch from offset `floats` on.
  template <class T = float> DENSOR_INLINE T *scratchFrom(size_t floats = 0) const {
    return reinterpret_cast<T *>(scratch + floats);
  }
  DENSOR_INLINE float *at(const Vector &v) const {
    return v.address == NO_ADDRESS ? nullptr : at(v.address) + v.offset;
  }
  // First pixel of an image of `pixels` pixels. T: the element type of the view.
  template <class T = float> DENSOR_INLINE T *at(const View &v, size_t image, size_t pixels) const {
    return at<T>(v.address) + image * pixels * v.stride + v.offset;
  }
  // Records that the results of this record contain NaN or infinity.
  void fail() const {
    uint32_t none = 0;
    __atomic_compare_exchange_n(&control->failedRecord, &none, record + 1, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
  }
};

struct Range {
  int begin, end;
};

// Part `index` of `count` nearly equal parts of [0, total).
DENSOR_INLINE Range part(int total, int index, int count) {
  return {static_cast<int>(static_cast<int64_t>(total) * index / count),
          static_cast<int>(static_cast<int64_t>(total) * (index + 1) / count)};
}

// The leaf (a fixed slice of the batch, docs/adr/0010) that an image belongs to; images are visited in ascending order.
struct Leaf {
  int total, count, index;
  Range images;

  Leaf(int total, int count, int image) : total(total), count(count), index(0), images(part(total, 0, count)) {
    moveTo(image);
  }
  void moveTo(int image) {
    while (image >= images.end) images = part(total, ++index, count);
  }
};

// The work of a chunk of a forward record: whole images or, if there are more chunks than images, some rows of one
// image.
struct Cut {
  Range images, rows;
};

DENSOR_INLINE Cut cut(int images, int rows, int chunk, int chunks) {
  if (chunks <= images) return {part(images, chunk, chunks), {0, rows}};
  const int parts = chunks / images, image = chunk / parts;
  return {{image, image + 1}, part(rows, chunk % parts, parts)};
}

DENSOR_INLINE int roundUp(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

// Length of a per-channel vector in a partial: padded to whole cache lines.
DENSOR_INLINE int paddedChannels(int channels) { return roundUp(channels, CHANNEL_PADDING); }

}  // namespace densor
