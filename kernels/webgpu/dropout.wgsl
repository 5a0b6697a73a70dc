// y = or += mask·x/(1 − rate), where x may be a gradient with its correction. x and y may be slices of one buffer.
fn compute(tile: u32, first: u32, c: u32) -> array<vec4f, 16> {
  var values = array<vec4f, 16>();
  var slope = vec4f();
  var intercept = vec4f();
  if (HAS_slope) {
    slope = quad_slope(c);
    intercept = quad_intercept(c);
  }
  let exists = existing(c, r.channels);
  for (var i = 0u; i < 16u && first + 8u * i < end_of(tile); i++) {
    let p = first + 8u * i;
    var x = load_grad_output(p, c);
    if (HAS_slope) { x += fma(slope, load_feature(p, c), intercept); }
    let image = p / r.image_pixels;
    if (DROPOUT) { x = drop_out(x, image, p - image * r.image_pixels, c, r.channels, r.image_pixels); }
    if (ACCUMULATE) { x += load_y(p, c); }
    store_y(p, c, only(x, exists), r.channels - c);
    values[i] = x;
  }
  return values;
}
