// norm = √Σpartials, clip = min(1, maxNorm/(norm + 1e-6)). One workgroup.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  let share = share_of(lane, r.partial_count);
  var sum = 0.0;
  for (var k = share.x; k < share.y; k++) { sum += number_partials(k); }
  let norm = sqrt(sum_lanes(lane, sum));
  if (lane > 0u) { return; }
  put_norm(0u, norm);
  put_clip(0u, min(1.0, r.max_norm / (norm + 1e-6)));
  if (!is_finite(norm)) { fail(); }
}
