// PyTorch's AdamW, in place, elementwise. The host computes the bias corrections 1 − β^step in float64. If an earlier
// record produced NaN or infinity, nothing is updated. One element per invocation.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total || has_failed()) { return; }
  let e = entry_of(at);
  let i = at - e.first;
  var g = read_gradient(e.gradient + i);
  if (HAS_clip) { g *= number_clip(0u); }
  let mean = fma(1.0 - r.rest1, read_moment1(e.moment1 + i), r.rest1 * g);
  let square = fma(1.0 - r.rest2, read_moment2(e.moment2 + i), r.rest2 * (g * g));
  write_moment1(e.moment1 + i, mean);
  write_moment2(e.moment2 + i, square);
  let rate = control.learning_rate;
  let kept = fma(-rate * e.weight_decay, read_parameter(e.parameter + i), read_parameter(e.parameter + i));
  let size = rate / control.bias_correction1;
  let unbias = 1.0 / sqrt(control.bias_correction2);
  write_parameter(e.parameter + i, kept - size * mean / fma(sqrt(square), unbias, r.eps));
}
