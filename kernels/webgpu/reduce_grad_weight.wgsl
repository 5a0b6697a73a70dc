// Adds the partials of weight gradients, in the order of splits, to gradients in PyTorch's layout [O, C, …]: = or +=.
// Per invocation one element of the partials' layout [row][partial_stride].
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total) { return; }
  let e = entry_of(at);
  let i = at - e.first;
  let row = i / e.partial_stride;
  let o = i - row * e.partial_stride;
  let tap = row / e.per_tap;
  let c = row - tap * e.per_tap;
  let is_bias = HAS_grad_bias && row == e.rows - 4u;
  if (o >= e.out_channels || (!is_bias && (tap >= e.taps || c >= e.in_channels))) { return; }
  var sum = 0.0;
  for (var k = 0u; k < e.splits; k++) { sum += read_partials(e.partials + (k * e.rows + row) * e.partial_stride + o); }
  if (is_bias) {
    let to = e.grad_bias + o;
    if ((e.accumulate & 2u) != 0u) { sum += read_grad_bias(to); }
    write_grad_bias(to, sum);
  } else {
    let to = e.grad_weight + (o * e.in_channels + c) * e.taps + tap;
    if ((e.accumulate & 1u) != 0u) { sum += read_grad_weight(to); }
    write_grad_weight(to, sum);
  }
  if (!is_finite(sum)) { fail(); }
}
