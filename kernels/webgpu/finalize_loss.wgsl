// The mean of the images' losses and the number of correct predictions. One workgroup.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  let share = share_of(lane, r.images);
  var loss = 0.0;
  var correct = 0.0;
  for (var i = share.x; i < share.y; i++) {
    loss += number_partials(2u * i);
    correct += number_partials(2u * i + 1u);
  }
  let all = sum_lanes(lane, loss) / r.mean_over;
  let right = sum_lanes(lane, correct);
  if (lane > 0u) { return; }
  put_loss(0u, all);
  put_correct(0u, right);
  if (!is_finite(all)) { fail(); }
}
