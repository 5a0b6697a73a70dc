// y = or += relu?(scale·x + shift). x and y may be slices of one buffer. Writes exactly the channels that exist.
fn compute(tile: u32, first: u32, c: u32) -> array<vec4f, 16> {
  var values = array<vec4f, 16>();
  var scale = vec4f();
  var shift = vec4f();
  if (HAS_scale) {
    scale = quad_scale(c);
    shift = quad_shift(c);
  }
  let exists = existing(c, r.channels);
  for (var i = 0u; i < 16u && first + 8u * i < end_of(tile); i++) {
    let p = first + 8u * i;
    var x = load_x(p, c);
    if (HAS_scale) { x = fma(x, scale, shift); }
    if (RELU) { x = relu(x); }
    if (ACCUMULATE) { x += load_y(p, c); }
    store_y(p, c, only(x, exists), r.channels - c);
    values[i] = x;
  }
  return values;
}
