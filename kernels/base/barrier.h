// A barrier for the threads that run one program. Spins for a while (ops are short), then sleeps.
#pragma once
#include "base/context.h"

namespace densor {

inline void waitWhile(uint32_t *word, uint32_t value) {
  for (int spin = 0; spin < 20000; spin++)
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) return;
  while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) {
#ifdef __wasm__
    __builtin_wasm_memory_atomic_wait32(reinterpret_cast<int *>(word), static_cast<int>(value), -1);
#endif
  }
}

inline void wakeAll(uint32_t *word) {
#ifdef __wasm__
  __builtin_wasm_memory_atomic_notify(reinterpret_cast<int *>(word), 0xffffffff);
#else
  (void)word;
#endif
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
