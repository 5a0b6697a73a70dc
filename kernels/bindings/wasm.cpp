// The WASM module: marshalling only. Memory is imported and shared; the caller lays it out.
#include "run.h"

// Every argument is a byte address but the counts. Each thread calls it with its own scratch and stack.
extern "C" __attribute__((export_name("run"))) void run(uint8_t *persistent, uint8_t *transient, float *scratch,
                                                        const float *scalars, densor::Control *control,
                                                        const uint32_t *program, uint32_t count, uint32_t threads) {
  densor::run<Widest>({{persistent, transient, nullptr, nullptr}, scratch, scalars, control, 0}, program, count, threads);
}
