// Statistics of what a tile kernel has just computed: partials[tile][2][partial_stride] = mean and sum of squared
// deviations of the tile's pixels. `values`: those of this invocation, pixel first + 8·i in values[i].
var<workgroup> gathered: array<vec4f, 64>;

fn total(lane: u32) -> vec4f {
  var all = vec4f();
  for (var i = 0u; i < 8u; i++) { all += gathered[i * 8u + lane % 8u]; }
  return all;
}

fn gather(tile: u32, first: u32, c: u32, lane: u32, computed: array<vec4f, 16>) {
  let values = computed;
  let own = (max(end_of(tile), first) - first + 7u) / 8u; // Pixels of this invocation.
  var sum = vec4f();
  for (var i = 0u; i < own; i++) { sum += values[i]; }
  gathered[lane] = sum;
  workgroupBarrier();
  let mean = total(lane) / f32(end_of(tile) - tile * 128u);
  workgroupBarrier();
  var squares = vec4f();
  for (var i = 0u; i < own; i++) {
    let deviation = values[i] - mean;
    squares = fma(deviation, deviation, squares);
  }
  gathered[lane] = squares;
  workgroupBarrier();
  if (lane < 8u && c < r.channels) {
    store_partials(tile * 2u * r.partial_stride + c, mean);
    store_partials((tile * 2u + 1u) * r.partial_stride + c, total(lane));
  }
}

// A kernel defines compute(tile, first, c): it stores its values, and returns them for the statistics.
fn channels4(tile: u32, first: u32, c: u32, lane: u32) {
  var values = array<vec4f, 16>();
  if (c < r.channels) { values = compute(tile, first, c); }
  if (HAS_partials) { gather(tile, first, c, lane, values); }
}
