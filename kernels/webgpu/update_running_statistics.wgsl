// running = (1 − momentum)·running + momentum·batch, with the unbiased batch variance. If an earlier record produced
// NaN or infinity, nothing is updated. One channel per invocation.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total || has_failed()) { return; }
  let e = entry_of(at);
  let c = at - e.first;
  let keep = 1.0 - e.momentum;
  let mean = fma(e.momentum, read_mean(e.mean + c), keep * read_running_mean(e.running_mean + c));
  let unbiased = read_variance(e.variance + c) * e.unbias;
  let variance = fma(e.momentum, unbiased, keep * read_running_var(e.running_var + c));
  write_running_mean(e.running_mean + c, mean);
  write_running_var(e.running_var + c, variance);
}
