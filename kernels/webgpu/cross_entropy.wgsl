// The mean of the images' losses weight·(logSumExp − Σ truth·logits), with truth = (1 − smoothing)·onehot(label) +
// smoothing/classes; the number of images whose first greatest logit is at the label; and the gradient, = or +=
// weight·(softmax(logits) − truth)/meanOver. One workgroup; each invocation has a share of the images.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  let share = share_of(lane, r.images);
  var loss = 0.0;
  var correct = 0.0;
  for (var image = share.x; image < share.y; image++) {
    let label = word_labels(image);
    let norm = log_sum_exp(image);
    var best = 0u;
    var sum = 0.0;
    for (var k = 0u; k < r.classes; k++) {
      let x = element_logits(image, k);
      if (x > element_logits(image, best)) { best = k; }
      sum += x;
    }
    let expected = (1.0 - r.smoothing) * element_logits(image, label) + r.smoothing * (sum / f32(r.classes));
    loss += weight_of(image) * (norm - expected);
    correct += select(0.0, 1.0, best == label);
    if (HAS_grad_logits) { differentiate(image, label, norm); }
  }
  if (!HAS_loss) { return; }
  let all = sum_lanes(lane, loss) / r.mean_over;
  let right = sum_lanes(lane, correct);
  if (lane > 0u) { return; }
  put_loss(0u, all);
  put_correct(0u, right);
  if (!is_finite(all)) { fail(); }
}

fn differentiate(image: u32, label: u32, norm: f32) {
  let factor = weight_of(image) / r.mean_over;
  for (var k = 0u; k < r.classes; k++) {
    let truth = select(0.0, 1.0 - r.smoothing, k == label) + r.smoothing / f32(r.classes);
    var g = factor * (exp(element_logits(image, k) - norm) - truth);
    if (ACCUMULATE) { g += element_grad_logits(image, k); }
    put_element_grad_logits(image, k, g);
  }
}
