// log Σ exp(logits) of an image.
fn log_sum_exp(image: u32) -> f32 {
  var greatest = element_logits(image, 0u);
  for (var k = 1u; k < r.classes; k++) {
    let x = element_logits(image, k);
    greatest = select(greatest, x, x > greatest);
  }
  var sum = 0.0;
  for (var k = 0u; k < r.classes; k++) { sum += exp(element_logits(image, k) - greatest); }
  return greatest + log(sum);
}

fn weight_of(image: u32) -> f32 {
  if (HAS_image_weights) { return number_image_weights(image); }
  return 1.0;
}
