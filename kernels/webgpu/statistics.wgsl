// partials[tile][2][partial_stride] = mean and sum of squared deviations of the tile's pixels, of a map that no product
// computes.
var<workgroup> parts_of: array<vec4f, 64>;

fn total(lane: u32) -> vec4f {
  var all = vec4f();
  for (var i = 0u; i < 8u; i++) { all += parts_of[i * 8u + lane % 8u]; }
  return all;
}

fn channels4(tile: u32, first: u32, c: u32, lane: u32) {
  var sum = vec4f();
  if (c < r.channels) { for (var p = first; p < end_of(tile); p += 8u) { sum += load_x(p, c); } }
  parts_of[lane] = sum;
  workgroupBarrier();
  let mean = total(lane) / f32(end_of(tile) - tile * 128u);
  workgroupBarrier();
  var squares = vec4f();
  if (c < r.channels) {
    for (var p = first; p < end_of(tile); p += 8u) {
      let deviation = load_x(p, c) - mean;
      squares = fma(deviation, deviation, squares);
    }
  }
  parts_of[lane] = squares;
  workgroupBarrier();
  if (lane < 8u && c < r.channels) {
    store_partials(tile * 2u * r.partial_stride + c, mean);
    store_partials((tile * 2u + 1u) * r.partial_stride + c, total(lane));
  }
}
