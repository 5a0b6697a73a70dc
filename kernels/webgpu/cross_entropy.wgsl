// partials[image] = weight·(logSumExp − Σ truth·logits) with truth = (1 − smoothing)·onehot + smoothing/classes; and 1 if
// the first greatest logit is at the label. Per invocation one image.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let image = id.x;
  if (image >= r.images) { return; }
  let label = word_labels(image);
  var best = 0u;
  var sum = 0.0;
  for (var k = 0u; k < r.classes; k++) {
    let x = element_logits(image, k);
    if (x > element_logits(image, best)) { best = k; }
    sum += x;
  }
  let expected = (1.0 - r.smoothing) * element_logits(image, label) + r.smoothing * (sum / f32(r.classes));
  put_partials(2u * image, weight_of(image) * (log_sum_exp(image) - expected));
  put_partials(2u * image + 1u, select(0.0, 1.0, best == label));
}
