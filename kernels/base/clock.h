// A monotonic clock for profiles, in milliseconds; its zero is arbitrary.
#pragma once
#ifndef __wasm__
#include <time.h>
#endif

namespace densor {

#ifdef __wasm__
// performance.now(), imported from the host.
extern "C" __attribute__((import_module("env"), import_name("now"))) double now();
#else
inline double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}
#endif

}  // namespace densor
