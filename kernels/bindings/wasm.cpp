// The WASM module: marshalling only. Memory is imported and shared; the caller determines its layout.
#include "base/machine_peak.h"
#include "run.h"

#define DENSOR_EXPORT(name) extern "C" __attribute__((export_name(name)))

// The version of the interface is the name of an export, so it can be read without instantiating the module.
DENSOR_EXPORT(DENSOR_INTERFACE) void interface() {}

// Each thread calls it with its own scratch and stack. When profiling, one thread passes `durations`, [count] doubles,
// the others null.
DENSOR_EXPORT("run")
void run(DENSOR_RUN_PARAMETERS, uint32_t count, uint32_t threads) {
  const densor::Slabs slabs = {.persistent = persistent, .transient = transient, .prepared = prepared};
  const densor::Context ctx = {slabs, scratch, scalars, control, 0, durations};
  densor::run(ctx, program, count, threads);
}

// All threads call one of these concurrently, each with its own memory. Returns the work of all threads per millisecond
// (base/machine_peak.h).
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
