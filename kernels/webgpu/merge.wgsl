// Sums over the 64 invocations of a workgroup, in a fixed order: a binary tree.
var<workgroup> lanes_of: array<f32, 64>;

fn sum_lanes(lane: u32, x: f32) -> f32 {
  workgroupBarrier();
  lanes_of[lane] = x;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (lane < half) { lanes_of[lane] += lanes_of[lane + half]; }
    workgroupBarrier();
  }
  return lanes_of[0];
}

// The contiguous range [begin, end) of `count` elements that belongs to an invocation.
fn share_of(lane: u32, count: u32) -> vec2u {
  let each = (count + 63u) / 64u;
  return vec2u(min(lane * each, count), min((lane + 1u) * each, count));
}
