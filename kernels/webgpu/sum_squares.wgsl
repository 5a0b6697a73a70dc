// partials[partial + k] = Σx² over the k-th 64 · each elements of a tensor. A share belongs to one tensor, so that the sums
// do not depend on which tensors are in the same buffer.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let workgroup = linear(group, groups);
  if (workgroup >= r.total) { return; }
  let e = entry_of(workgroup);
  let share = workgroup - e.first;
  var sum = 0.0;
  for (var k = 0u; k < r.each; k++) {
    let i = (share * r.each + k) * 64u + lane;
    if (i < e.count) {
      let x = read_at(e.at + i);
      sum = fma(x, x, sum);
    }
  }
  let all = sum_lanes(lane, sum);
  if (lane == 0u) { put_partials(e.partial + share, all); }
}
