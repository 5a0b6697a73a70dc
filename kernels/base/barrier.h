// A barrier for the threads that run one program. Spins briefly, because records are short, then sleeps.
#pragma once
#include "base/context.h"
#ifndef __wasm__
#include <atomic>
#endif

namespace densor {

#ifdef __wasm__
inline void sleepWhile(uint32_t *word, uint32_t value) {
  __builtin_wasm_memory_atomic_wait32(reinterpret_cast<int *>(word), static_cast<int>(value), -1);
}
inline void wakeAll(uint32_t *word) {
  __builtin_wasm_memory_atomic_notify(reinterpret_cast<int *>(word), 0xffffffff);
}
#else
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t), "std::atomic::wait is used on plain words");
inline void sleepWhile(uint32_t *word, uint32_t value) { reinterpret_cast<std::atomic<uint32_t> *>(word)->wait(value); }
inline void wakeAll(uint32_t *word) { reinterpret_cast<std::atomic<uint32_t> *>(word)->notify_all(); }
#endif

inline void waitWhile(uint32_t *word, uint32_t value) {
  for (int spin = 0; spin < 20000; spin++)
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) return;
  while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) sleepWhile(word, value);
}

inline void barrier(Control *control, uint32_t threads) {
  if (threads == 1) return;
  const uint32_t generation = __atomic_load_n(&control->generation, __ATOMIC_ACQUIRE);
  if (__atomic_add_fetch(&control->arrived, 1, __ATOMIC_ACQ_REL) == threads) {
    __atomic_store_n(&control->arrived, 0, __ATOMIC_RELAXED);
    __atomic_add_fetch(&control->generation, 1, __ATOMIC_ACQ_REL);
    wakeAll(&control->generation);
  } else {
    waitWhile(&control->generation, generation);
  }
}

}  // namespace densor
