// The native module, a Node-API addon: marshalling only. One module per instruction set, as with WASM.
//   interfaceVersion                    → version of the record layout it was compiled for (generated)
//   createPool(threads)                 → pool
//   allocate(bytes)                     → memory: zeros, on huge pages if the system has them
//   write(memory, offset, typedArray), read(memory, offset, floats) → Float32Array
//   run(pool, memory, offsets, records) → promise; offsets: in the order of RunOffset (−1: none), followed by the
//                                         scratch of each thread; in bytes from the start of the memory
//   peak(pool, memory, offsets, amount) → promise of the lowest rate that a thread measured; offsets: in the order of
//                                         PeakOffset, followed by the memory of each thread
//   closePool(pool), closeMemory(memory)  release it immediately instead of at garbage collection
// Every function throws a JavaScript exception on invalid arguments.
#include "base/machine_peak.h"
#include "bindings/napi.h"
#include "bindings/processor.h"
#include "bindings/thread_pool.h"
#include "run.h"
#include <algorithm>
#include <memory>
#include <string>
#include <sys/mman.h>

namespace {

struct Memory {
  uint8_t *bytes = nullptr;
  size_t size = 0;

  explicit Memory(size_t wanted) : size(wanted) {
    void *mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return;
    bytes = static_cast<uint8_t *>(mapped);
#ifdef MADV_HUGEPAGE
    madvise(bytes, size, MADV_HUGEPAGE);
#endif
  }
  ~Memory() {
    if (bytes) munmap(bytes, size);
  }
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;
};

// The value of a JavaScript external: a shared pointer, so that a running job keeps its memory and its pool alive.
template <class T> struct Handle {
  std::shared_ptr<T> target;

  static void finalize(napi_env, void *data, void *) { delete static_cast<Handle *>(data); }

  static napi_value wrap(napi_env env, std::shared_ptr<T> target) {
    auto *handle = new Handle{std::move(target)};
    napi_value value;
    if (ok(env, napi_create_external(env, handle, finalize, nullptr, &value))) return value;
    delete handle;
    return nullptr;
  }
  static Handle *from(napi_env env, napi_value value) {
    void *data = nullptr;
    return ok(env, napi_get_value_external(env, value, &data)) ? static_cast<Handle *>(data) : nullptr;
  }
};

constexpr size_t MOST_ARGUMENTS = 4;
struct Arguments {
  napi_value values[MOST_ARGUMENTS];
  bool complete;

  Arguments(napi_env env, napi_callback_info info, size_t wanted) {
    size_t count = MOST_ARGUMENTS;
    complete = ok(env, napi_get_cb_info(env, info, &count, values, nullptr, nullptr));
    if (complete && count < wanted) {
      napi_throw_type_error(env, nullptr, "too few arguments");
      complete = false;
    }
  }
};

bool number(napi_env env, napi_value value, int64_t &to) { return ok(env, napi_get_value_int64(env, value, &to)); }

// The bytes [offset, offset + length) of a memory, or null with an exception.
uint8_t *window(napi_env env, const Handle<Memory> *memory, int64_t offset, int64_t length) {
  if (memory && memory->target && offset >= 0 && length >= 0 &&
      static_cast<size_t>(offset) + static_cast<size_t>(length) <= memory->target->size)
    return memory->target->bytes + offset;
  napi_throw_range_error(env, nullptr, "outside of the memory, or the memory is closed");
  return nullptr;
}

napi_value createPool(napi_env env, napi_callback_info info) {
  const Arguments args(env, info, 1);
  int64_t threads;
  if (!args.complete || !number(env, args.values[0], threads)) return nullptr;
  return Handle<densor::ThreadPool>::wrap(env, std::make_shared<densor::ThreadPool>(static_cast<uint32_t>(threads)));
}

napi_value allocate(napi_env env, napi_callback_info info) {
  const Arguments args(env, info, 1);
  int64_t bytes;
  if (!args.complete || !number(env, args.values[0], bytes)) return nullptr;
  auto memory = std::make_shared<Memory>(static_cast<size_t>(bytes));
  if (memory->bytes) return Handle<Memory>::wrap(env, std::move(memory));
  napi_throw_error(env, nullptr, "the system cannot allocate that much memory");
  return nullptr;
}

napi_value write(napi_env env, napi_callback_info info) {
  const Arguments args(env, info, 3);
  int64_t offset;
  if (!args.complete || !number(env, args.values[1], offset)) return nullptr;
  const auto *memory = Handle<Memory>::from(env, args.values[0]);
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (!memory ||
      !ok(env, napi_get_typedarray_info(env, args.values[2], &type, &length, &data, nullptr, nullptr)))
    return nullptr;
  const size_t width = type == napi_float32_array || type == napi_int32_array || type == napi_uint32_array ? 4 : 0;
  if (width == 0) {
    napi_throw_type_error(env, nullptr, "requires an array of 32-bit numbers");
    return nullptr;
  }
  uint8_t *to = window(env, memory, offset, static_cast<int64_t>(length * width));
  if (to && length > 0) __builtin_memcpy(to, data, length * width);
  return nullptr;
}

napi_value read(napi_env env, napi_callback_info info) {
  const Arguments args(env, info, 3);
  int64_t offset, floats;
  if (!args.complete || !number(env, args.values[1], offset) || !number(env, args.values[2], floats)) return nullptr;
  const auto *memory = Handle<Memory>::from(env, args.values[0]);
  if (!memory) return nullptr;
  const uint8_t *from = window(env, memory, offset, floats * 4);
  if (!from) return nullptr;
  void *copy;
  napi_value buffer, array;
  const size_t count = static_cast<size_t>(floats);
  if (!ok(env, napi_create_arraybuffer(env, count * 4, &copy, &buffer))) return nullptr;
  if (count > 0) __builtin_memcpy(copy, from, count * 4);
  return ok(env, napi_create_typedarray(env, napi_float32_array, count, buffer, 0, &array)) ? array : nullptr;
}

// A pending run: exists until its promise is settled on the JavaScript thread.
struct Run {
  napi_deferred deferred;
  napi_threadsafe_function settle;
  std::vector<double> results; // one per thread, or empty; the promise resolves to the minimum
};

void settleRun(napi_env env, napi_value, void *, void *data) {
  const std::unique_ptr<Run> run(static_cast<Run *>(data));
  napi_threadsafe_function settle = run->settle;
  const auto &results = run->results;
  napi_value value;
  if (env && (results.empty()
                  ? napi_get_undefined(env, &value)
                  : napi_create_double(env, *std::min_element(results.begin(), results.end()), &value)) == napi_ok)
    napi_resolve_deferred(env, run->deferred, value);
  napi_release_threadsafe_function(settle, napi_tsfn_release);
}

// The arguments of `run` and `peak`: pool, memory, offsets, a number.
struct Job {
  std::shared_ptr<densor::ThreadPool> pool;
  std::shared_ptr<Memory> memory;
  std::vector<int64_t> offsets;
  int64_t amount = 0;

  // False if an exception is pending. The first `fixed` offsets are shared, the following are one per thread.
  bool parse(napi_env env, napi_callback_info info, size_t fixed) {
    const Arguments args(env, info, 4);
    if (!args.complete || !number(env, args.values[3], amount)) return false;
    const auto *poolHandle = Handle<densor::ThreadPool>::from(env, args.values[0]);
    const auto *memoryHandle = Handle<Memory>::from(env, args.values[1]);
    if (!poolHandle || !memoryHandle) return false;
    if (!poolHandle->target || !memoryHandle->target) {
      napi_throw_error(env, nullptr, "the engine is closed");
      return false;
    }
    pool = poolHandle->target;
    memory = memoryHandle->target;
    for (size_t i = 0; i < fixed + pool->size(); i++) {
      napi_value element;
      int64_t offset;
      if (!ok(env, napi_get_element(env, args.values[2], static_cast<uint32_t>(i), &element)) ||
          !number(env, element, offset))
        return false;
      if (offset < -1 || offset > static_cast<int64_t>(memory->size)) {
        napi_throw_range_error(env, nullptr, "outside of the memory");
        return false;
      }
      offsets.push_back(offset);
    }
    return true;
  }

  // Null for offset −1.
  template <class T> T *at(size_t index) const {
    return offsets[index] < 0 ? nullptr : reinterpret_cast<T *>(memory->bytes + offsets[index]);
  }
};

// Runs work(job, thread, results) on every thread of the pool; returns a promise that is settled when all have
// finished.
template <class Work> napi_value submit(napi_env env, Job job, size_t resultCount, Work work) {
  auto state = std::make_unique<Run>();
  state->results.resize(resultCount);
  napi_value promise, name;
  if (!ok(env, napi_create_string_utf8(env, "densor run", NAPI_AUTO_LENGTH, &name)) ||
      !ok(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, settleRun,
                                               &state->settle)) ||
      !ok(env, napi_create_promise(env, &state->deferred, &promise)))
    return nullptr;
  Run *const shared = state.release();
  // The pool must not own itself through a queued job.
  const std::shared_ptr<densor::ThreadPool> pool = std::move(job.pool);
  pool->submit([job = std::move(job), work, shared](uint32_t thread) { work(job, thread, shared->results); },
               [shared] { napi_call_threadsafe_function(shared->settle, shared, napi_tsfn_blocking); });
  return promise;
}

napi_value run(napi_env env, napi_callback_info info) {
  using At = densor::RunOffset;
  Job job;
  if (!job.parse(env, info, At::scratch)) return nullptr;
  const uint32_t threads = job.pool->size();
  return submit(env, std::move(job), 0, [threads](const Job &j, uint32_t thread, std::vector<double> &) {
    const densor::Slabs slabs = {.persistent = j.at<uint8_t>(At::persistent),
                                 .transient = j.at<uint8_t>(At::transient),
                                 .prepared = j.at<uint8_t>(At::prepared)};
    const densor::Context ctx = {slabs,
                                 j.at<float>(At::scratch + thread),
                                 j.at<const densor::Scalars>(At::scalars),
                                 j.at<densor::Control>(At::control),
                                 0,
                                 thread == 0 ? j.at<double>(At::durations) : nullptr};
    densor::run(ctx, j.at<const uint32_t>(At::program), static_cast<uint32_t>(j.amount), threads);
  });
}

napi_value peak(napi_env env, napi_callback_info info) {
  using At = densor::PeakOffset;
  Job job;
  if (!job.parse(env, info, At::memory)) return nullptr;
  const uint32_t threads = job.pool->size();
  return submit(env, std::move(job), threads, [threads](const Job &j, uint32_t thread, std::vector<double> &rates) {
    const auto kernel = static_cast<densor::PeakKernel>(j.offsets[At::kernel]);
    rates[thread] = densor::peakRate(j.at<densor::Control>(At::control), threads, [&] {
      return densor::peak<Widest>(kernel, j.at<float>(At::memory + thread), static_cast<uint32_t>(j.amount));
    });
  });
}

template <class T> napi_value close(napi_env env, napi_callback_info info) {
  const Arguments args(env, info, 1);
  if (!args.complete) return nullptr;
  if (auto *handle = Handle<T>::from(env, args.values[0])) handle->target.reset();
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
#if defined(__AMX_BF16__) && !defined(DENSOR_EMULATED_TILES)
  if (!densor::hasTiles()) {
    napi_throw_error(env, nullptr, "this processor has no AMX, or the system does not let this process use it");
    return nullptr;
  }
#endif
  const struct {
    const char *name;
    napi_callback call;
  } functions[] = {{"createPool", createPool},
                   {"run", run},     {"peak", peak},     {"closePool", close<densor::ThreadPool>},
                   {"read", read},   {"allocate", allocate},
                   {"write", write}, {"closeMemory", close<Memory>}};
  for (const auto &[name, call] : functions) {
    napi_value function;
    if (!ok(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &function)) ||
        !ok(env, napi_set_named_property(env, exports, name, function)))
      return nullptr;
  }
  napi_value version;
  if (!ok(env, napi_create_uint32(env, densor::INTERFACE_VERSION, &version)) ||
      !ok(env, napi_set_named_property(env, exports, "interfaceVersion", version)))
    return nullptr;
  return exports;
}
