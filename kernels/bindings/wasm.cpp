// The WASM module: marshalling only. Memory is imported and shared; the caller lays it out.
#include "base/machine_peak.h"
#include "run.h"

#define DENSOR_EXPORT(name) extern "C" __attribute__((export_name(name)))

// Every argument is a byte address but the counts. Each thread calls it with its own scratch and stack; one of them,
// where durations are wanted, with room for `count` doubles, the others with null.
DENSOR_EXPORT("run")
void run(uint8_t *persistent, uint8_t *transient, uint8_t *prepared, float *scratch, const float *scalars,
         densor::Control *control, const uint32_t *program, uint32_t count, uint32_t threads, double *durations) {
  const densor::Context ctx = {{persistent, transient, prepared, nullptr}, scratch, scalars, control, 0, durations};
  densor::run<Widest>(ctx, program, count, threads);
}

// Each thread calls them at once with its own memory: work per millisecond of all threads (base/machine_peak.h).
DENSOR_EXPORT("peakMultiplyAdd")
double peakMultiplyAdd(float *memory, uint32_t repeats, densor::Control *control, uint32_t threads) {
  return densor::peakRate(control, threads, [=] { return densor::peakMultiplyAdd<Widest>(memory, repeats); });
}
DENSOR_EXPORT("peakRead")
double peakRead(float *memory, uint32_t floats, densor::Control *control, uint32_t threads) {
  return densor::peakRate(control, threads, [=] { return densor::peakRead<Widest>(memory, floats); });
}
DENSOR_EXPORT("peakTriad")
double peakTriad(float *memory, uint32_t floats, densor::Control *control, uint32_t threads) {
  return densor::peakRate(control, threads, [=] { return densor::peakTriad<Widest>(memory, floats); });
}
