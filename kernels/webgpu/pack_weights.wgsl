// Weights [O, C, …], times `scale` of each output (if present), in the order in which a product reads its columns: panels
// of 32 outputs, in each `depth` terms (taps × channels, per_tap to a tap) × 32. Transposed: the input's channels are the
// outputs. Zeros where there is no weight. Per invocation one packed number.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total) { return; }
  let e = entry_of(at);
  let i = at - e.first;
  let panel = i / (e.depth * 32u);
  let term = (i / 32u) % e.depth;
  let tap = term / e.per_tap;
  let depth_channel = term - tap * e.per_tap;
  let output = panel * 32u + i % 32u;
  let o = select(output, depth_channel, e.transposed != 0u);
  let c = select(depth_channel, output, e.transposed != 0u);
  var weight = 0.0;
  if (tap < e.taps && o < e.out_channels && c < e.in_channels) {
    weight = read_weight(e.weight + (o * e.in_channels + c) * e.taps + tap);
    if (HAS_scale) { weight *= read_scale(e.scale + o); }
  }
  write_packed(e.packed + i, weight);
}
