// Runs one program on a memory image without Node, for sanitizers and emulators.
//   replay IMAGE THREADS RECORDS SCRATCH_BYTES REGION… [FORBIDDEN…]
// Regions are those of RunOffset up to the program. Regions and forbidden ranges are given as OFFSET:BYTES in the file.
// Each region is copied into an allocation of exactly its size, and written back afterwards if it may have changed.
// Forbidden ranges are parts of the three slabs that no kernel may access; AddressSanitizer reports accesses to them.
#include "bindings/thread_pool.h"
#include "run.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#ifdef DENSOR_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) (static_cast<void>(address), static_cast<void>(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) (static_cast<void>(address), static_cast<void>(bytes))
#endif

#ifdef DENSOR_TSAN
// A vector load at the end of a pixel may read part of the next pixel while another thread writes it; those lanes are
// discarded (base/prologue.h). Therefore races of vector loads are suppressed here. Stores are checked on every
// instruction set, and the scalar kernels, which load exactly what they use, check all loads.
extern "C" const char *__tsan_default_suppressions() {
  return "race:^vec<float, 16>::load\nrace:^vec<float, 8>::load\nrace:^vec<float, 4>::load\n";
}
extern "C" const char *__tsan_default_options() { return "halt_on_error=1:print_suppressions=0"; }
#endif

namespace {

[[noreturn]] void refuse(const char *why, const char *what) {
  std::fprintf(stderr, "replay: %s: %s\n", why, what);
  std::exit(2);
}

size_t number(const char *text) {
  char *end;
  const size_t value = std::strtoull(text, &end, 10);
  if (end == text || *end) refuse("not a number", text);
  return value;
}

struct Place {
  size_t offset, bytes;

  explicit Place(const char *text) {
    int read = 0;
    if (std::sscanf(text, "%zu:%zu%n", &offset, &bytes, &read) != 2 || text[read]) refuse("not a place", text);
  }
};

// An allocation of exactly `size` bytes, aligned to ALIGNMENT_BYTES.
class Allocation {
public:
  explicit Allocation(size_t size)
      : bytes(static_cast<uint8_t *>(::operator new(size, std::align_val_t{densor::ALIGNMENT_BYTES}))), size(size) {}
  ~Allocation() { ::operator delete(bytes, std::align_val_t{densor::ALIGNMENT_BYTES}); }
  Allocation(const Allocation &) = delete;
  Allocation &operator=(const Allocation &) = delete;

  uint8_t *const bytes;
  const size_t size;
};

class Region : public Allocation {
public:
  Region(std::FILE *image, const char *text) : Region(image, Place(text)) {}

  void writeBack(std::FILE *image) const {
    if (std::fseek(image, static_cast<long>(offset), SEEK_SET) != 0 || std::fwrite(bytes, 1, size, image) != size)
      refuse("cannot write", "a region of the image");
  }
  // Forbids a range of the region, or allows it again; false if the range is outside the region.
  bool forbid(const Place &part, bool yes) const {
    if (part.offset < offset || part.offset + part.bytes > offset + size) return false;
    if (yes) ASAN_POISON_MEMORY_REGION(bytes + (part.offset - offset), part.bytes);
    else ASAN_UNPOISON_MEMORY_REGION(bytes + (part.offset - offset), part.bytes);
    return true;
  }

private:
  Region(std::FILE *image, Place place) : Allocation(place.bytes), offset(place.offset) {
    if (std::fseek(image, static_cast<long>(offset), SEEK_SET) != 0 || std::fread(bytes, 1, size, image) != size)
      refuse("cannot read", "a region of the image");
  }

  const size_t offset;
};

}  // namespace

int main(int argc, char **argv) {
  using At = densor::RunOffset;
  constexpr int firstRegion = 5, firstForbidden = firstRegion + At::program + 1;
  if (argc < firstForbidden) refuse("too few arguments", argv[0]);
  std::FILE *image = std::fopen(argv[1], "r+b");
  if (!image) refuse("cannot open", argv[1]);
  const uint32_t threads = static_cast<uint32_t>(number(argv[2])), records = static_cast<uint32_t>(number(argv[3]));
  const size_t scratchBytes = number(argv[4]);
  char **const regions = argv + firstRegion;
  const Region persistent(image, regions[At::persistent]), transient(image, regions[At::transient]),
      prepared(image, regions[At::prepared]), scalars(image, regions[At::scalars]), control(image, regions[At::control]),
      program(image, regions[At::program]);
  const std::vector<Place> forbidden(argv + firstForbidden, argv + argc);
  const auto forbid = [&](const Place &part, bool yes) {
    return persistent.forbid(part, yes) || transient.forbid(part, yes) || prepared.forbid(part, yes);
  };
  for (const Place &part : forbidden)
    if (!forbid(part, true)) refuse("a forbidden part", "is in no slab");

  std::deque<Allocation> scratch;
  for (uint32_t i = 0; i < threads; i++) scratch.emplace_back(scratchBytes);
  {
    densor::ThreadPool pool(threads);
    // Fills scratch with NaN, because kernels must not depend on its initial contents.
    pool.submit([&](uint32_t thread) { std::memset(scratch[thread].bytes, 0xff, scratchBytes); }, [] {});
    pool.submit(
        [&](uint32_t thread) {
          const densor::Slabs slabs = {
              .persistent = persistent.bytes, .transient = transient.bytes, .prepared = prepared.bytes};
          const densor::Context ctx = {slabs,
                                       reinterpret_cast<float *>(scratch[thread].bytes),
                                       reinterpret_cast<const densor::Scalars *>(scalars.bytes),
                                       reinterpret_cast<densor::Control *>(control.bytes),
                                       0,
                                       nullptr};
          densor::run(ctx, reinterpret_cast<const uint32_t *>(program.bytes), records, threads);
        },
        [] {});
  }  // The pool's destructor waits for both jobs.

  for (const Place &part : forbidden) forbid(part, false);
  for (const Region *region : {&persistent, &transient, &prepared, &control}) region->writeBack(image);
  if (std::fclose(image) != 0) refuse("cannot write", argv[1]);
}
