// partials[workgroup] = Σx² over 64 · each elements of the concatenation of all tensors.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let workgroup = linear(group, groups);
  if (workgroup * 64u * r.each >= r.total) { return; }
  var sum = 0.0;
  for (var k = 0u; k < r.each; k++) {
    let at = (workgroup * r.each + k) * 64u + lane;
    if (at < r.total) {
      let e = entry_of(at);
      let x = read_at(e.at + at - e.first);
      sum = fma(x, x, sum);
    }
  }
  let all = sum_lanes(lane, sum);
  if (lane == 0u) { put_partials(workgroup, all); }
}
