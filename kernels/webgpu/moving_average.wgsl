// average += rest·(value − average), in place; rest is larger in early steps. If an earlier record produced NaN or
// infinity, nothing is updated. One element per invocation.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total || has_failed()) { return; }
  let e = entry_of(at);
  let i = at - e.first;
  let rest = max(r.rest, 9.0 / (10.0 + control.step));
  let average = read_average(e.average + i);
  write_average(e.average + i, fma(rest, read_value(e.value + i) - average, average));
}
