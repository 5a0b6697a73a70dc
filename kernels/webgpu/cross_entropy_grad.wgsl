// = or += weight·(softmax(logits) − truth)/meanOver. Per invocation one image.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let image = id.x;
  if (image >= r.images) { return; }
  let label = word_labels(image);
  let norm = log_sum_exp(image);
  let factor = weight_of(image) / r.mean_over;
  for (var k = 0u; k < r.classes; k++) {
    let truth = select(0.0, 1.0 - r.smoothing, k == label) + r.smoothing / f32(r.classes);
    var g = factor * (exp(element_logits(image, k) - norm) - truth);
    if (ACCUMULATE) { g += element_grad_logits(image, k); }
    put_element_grad_logits(image, k, g);
  }
}
