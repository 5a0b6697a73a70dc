// PyTorch's SGD, in place, elementwise: d = clip·gradient + weightDecay·parameter; velocity = momentum·velocity + d;
// parameter −= rate·step. If an earlier record produced NaN or infinity, nothing is updated. One element per
// invocation.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total || has_failed()) { return; }
  let e = entry_of(at);
  let i = at - e.first;
  let parameter = read_parameter(e.parameter + i);
  var step = read_gradient(e.gradient + i);
  if (HAS_clip) { step *= number_clip(0u); }
  step = fma(e.weight_decay, parameter, step);
  if (HAS_velocity) {
    let velocity = fma(r.momentum, read_velocity(e.velocity + i), step);
    write_velocity(e.velocity + i, velocity);
    step = velocity;
    if (NESTEROV) {
      var d = read_gradient(e.gradient + i);
      if (HAS_clip) { d *= number_clip(0u); }
      step = fma(r.momentum, velocity, fma(e.weight_decay, parameter, d));
    }
  }
  write_parameter(e.parameter + i, fma(-control.learning_rate, step, parameter));
}
