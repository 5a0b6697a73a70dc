// What two other ways to arrange the backward pass of a dense layer (3×3, C → 32 channels) could gain at most, on one
// thread: numbers for docs/adr/0006. Build and run: npm run bench:backward.
//   data:    conv2dGradInput as it is: reads x and G, writes G for each of the C channels (push)
//   data-G:  the same with G in one cache line: what data would take if G cost nothing
//   weight:  conv2dGradWeight
//   pack dy, pack u: the packing inside these two, alone
// One pass for both saves one packing of dy and the packing of u from memory: at most (pack dy + pack u).
// Pull (a feature's 32 channels at a time, summing over all its readers in registers) saves G's traffic but packs a
// reader's dy for each 32 of its C channels instead of once: data-G + (C/32 − 1)·pack dy.
#include "run.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sys/mman.h>
#include <vector>

using namespace densor;

namespace {

constexpr int IMAGES = 64, OUTPUTS = 32, ROUNDS = 9;

double seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Memory as the engine has it: zeros on huge pages, handed out in pieces of whole cache lines.
struct Arena {
  float *base;
  size_t bytes, used = 0;
  explicit Arena(size_t count) : bytes(count * sizeof(float)) {
    base = static_cast<float *>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(base, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < count; i++) base[i] = static_cast<float>((i * 2654435761u >> 16 & 0xff)) / 256.0f - 0.5f;
  }
  ~Arena() { munmap(base, bytes); }
  Address take(size_t count) {
    const size_t at = used;
    used += (count + 31) / 16 * 16;
    return static_cast<Address>(at / 16);
  }
};

struct Times {
  std::vector<double> of[5];
};

void measure(int side, int channels, int blockChannels) {
  const size_t pixels = static_cast<size_t>(IMAGES) * side * side;
  const int stride = paddedChannels(blockChannels);
  Arena arena(pixels * (2 * stride + 2 * OUTPUTS) + static_cast<size_t>(40 * channels) * OUTPUTS + 500000);
  const auto vector = [&](int count) { return arena.take(static_cast<size_t>(count)); };
  const Address x = arena.take(pixels * stride), g = arena.take(pixels * stride), dy = arena.take(pixels * OUTPUTS),
                y = arena.take(pixels * OUTPUTS), packed = vector(roundUp(channels, PANEL_WIDTH) * OUTPUTS * 9),
                partial = vector((9 * channels + 1) * OUTPUTS), scale = vector(512), shift = vector(512),
                mean = vector(512), sums = vector(1024), slope = vector(64), intercept = vector(64), line = vector(1024),
                scratch = vector(1 << 18);
  Control control{};
  const Context ctx = {{.persistent = reinterpret_cast<uint8_t *>(arena.base), .transient = nullptr, .prepared = nullptr},
                       arena.base + scratch * 16, nullptr, &control, 0, nullptr};

  const auto u = [](int value) { return static_cast<uint32_t>(value); };
  const Size in = {IMAGES, u(side), u(side), u(channels)}, out = {IMAGES, u(side), u(side), OUTPUTS};
  const Window window = {3, 3, 1, 1, 1, 1};
  const Prologue prologue = {scale, shift, 1};
  const GradOutput gradOutput = {{dy, 0, OUTPUTS, 4}, {y, 0, OUTPUTS, 4}, slope, intercept};
  const auto strip = [&](int floatsOfRow) {
    const int most = std::max(1, 65536 / floatsOfRow - 2), strips = (side + most - 1) / most;
    return u((side + strips - 1) / strips);
  };
  Conv2dGradInputRecord data = {1,  gradOutput, out, window, packed, {x, 0, u(stride), 4}, in, prologue,
                                {{g, 0, u(stride), 4}, 1, {mean, 0}, sums}, 1, strip((side + 2) * OUTPUTS)};
  Conv2dGradInputRecord dataAlone = data;
  dataAlone.gradInput.gradient = {line, 0, 0, 4};
  const uint32_t rows = strip((side + 2) * channels + side * OUTPUTS);
  const Conv2dGradWeightRecord weight = {1, 1, gradOutput, out, window, {x, 0, u(stride), 4}, in, prologue, partial, 1,
                                         GradWeightAlgorithm::rows, rows};

  Times times;
  for (int round = 0; round <= ROUNDS; round++)
    for (int what = 0; what < 5; what++) {
      const double start = seconds();
      if (what == 0) conv2dGradInput<Widest, float>(ctx, data, 0);
      if (what == 1) conv2dGradInput<Widest, float>(ctx, dataAlone, 0);
      if (what == 2) conv2dGradWeight<Widest, float>(ctx, weight, 0);
      for (int n = 0; what > 2 && n < IMAGES; n++) {
        const Corrected<Widest, float> corrected(ctx, gradOutput, n, pixels / IMAGES);
        const Prologued<Widest> prologued(ctx, prologue);
        const float *from = ctx.at(weight.x, n, pixels / IMAGES);
        for (int top = 0; top < side; top += static_cast<int>(rows)) {
          Strip s = inputStrip(weight, top, std::min(static_cast<int>(rows), side - top));
          if (what == 3) {
            s.channels = OUTPUTS;
            packStrip<Widest>(s, ctx.scratch, [&](size_t pixel, int c) { return corrected.load(pixel, c); });
          } else packStrip<Widest>(s, ctx.scratch, [&](size_t pixel, int c) { return prologued.loadAhead(from + pixel * stride, c, stride); });
        }
      }
      if (round > 0) times.of[what].push_back(1e3 * (seconds() - start)); // The first warms up.
    }
  const auto median = [&](int what) {
    std::vector<double> &t = times.of[what];
    std::sort(t.begin(), t.end());
    return t[t.size() / 2];
  };
  const double push = median(0), alone = median(1), weights = median(2), packDy = median(3), packU = median(4);
  const double pull = alone + (channels / 32.0 - 1) * packDy;
  std::printf("%2d×%-2d %3d  %7.2f  %7.2f  %7.2f  %7.3f  %7.3f  %9.1f%%  %9.1f%%\n", side, side, channels, push, alone,
              weights, packDy, packU, 100 * (packDy + packU) / (push + weights), 100 * (push - pull) / push);
}

}  // namespace

int main() {
  std::printf("%d images, medians of %d rounds in turns, ms of thread time\n", IMAGES, ROUNDS);
  std::printf("map    C     data   data-G   weight  pack dy   pack u   one pass ≤   pull gains\n");
  for (const int channels : {64, 96, 128, 160}) measure(24, channels, 192);
  for (const int channels : {96, 128, 160, 192}) measure(12, channels, 224);
  for (const int channels : {112, 144, 176, 208}) measure(6, channels, 240);
}
