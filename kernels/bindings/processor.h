// Instruction sets of the processor that the operating system lets this process use.
#pragma once
#include <stdint.h>
#include <vector>
#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace densor {

#if defined(__x86_64__)
// True if the processor has AMX with bfloat16 and the system lets this process use it. On Linux a process must request
// permission, because AMX enlarges the register state of a thread by 8 KiB (Documentation/arch/x86/xstate.rst).
inline bool hasTiles() {
  uint32_t a, b, c, d;
  constexpr uint32_t BF16 = 1u << 22, TILE = 1u << 24;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (BF16 | TILE)) != (BF16 | TILE)) return false;
#if defined(__linux__)
  constexpr long ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18;
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
  return false;
#endif
}

inline bool hasAvx512Bf16() {
  uint32_t a, b, c, d;
  constexpr uint32_t BF16 = 1u << 5;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & BF16);
}
#endif

// The available instruction sets that kernels can be compiled for, fastest first.
inline std::vector<const char *> instructionSets() {
  std::vector<const char *> names;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    // On AMD processors bfloat16 dot products have twice the throughput of float32 FMA (measured on Zen 4); on Intel
    // processors the instruction takes twice as long as an FMA: steps take 1.5 times as long (Emerald Rapids).
    const bool pairs = hasAvx512Bf16(), pairsGain = __builtin_cpu_is("amd");
    if (pairs && hasTiles()) names.push_back("amx");
    if (pairs && pairsGain) names.push_back("avx512-bf16");
    names.push_back("avx512");
    if (pairs && !pairsGain) names.push_back("avx512-bf16");
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) names.push_back("avx2");
#elif defined(__aarch64__)
  names.push_back("neon");
#endif
  names.push_back("scalar");
  return names;
}

}  // namespace densor
