// Max (flag) or average pooling of prologue(x). The position of a maximum in its window is stored as a byte: that of
// the first maximum in row order, or of the first NaN; padding is ignored. An average counts padding as zeros.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// Whether a value replaces the current maximum.
fn beats(value: f32, best: f32) -> bool { return value > best || (is_nan(value) && !is_nan(best)); }

fn compute(tile: u32, first: u32, c: u32) -> array<vec4f, 16> {
  var values = array<vec4f, 16>();
  let exists = existing(c, r.channels);
  var scale = vec4f();
  var shift = vec4f();
  if (HAS_scale) {
    scale = quad_scale(c);
    shift = quad_shift(c);
  }
  var sign_of = vec4f(1.0);
  if (HAS_gamma) { sign_of = select(vec4f(1.0), vec4f(-1.0), quad_gamma(c) < vec4f()); }
  for (var n = 0u; n < 16u && first + 8u * n < end_of(tile); n++) {
    let p = first + 8u * n;
    let image = p / r.out_pixels;
    let in_image = p - image * r.out_pixels;
    let row = i32((in_image / r.out_width) * r.stride_height) - i32(r.padding_height);
    let column = i32((in_image % r.out_width) * r.stride_width) - i32(r.padding_width);
    var best = vec4f();
    var rank = vec4f();
    var position = vec4u();
    var found = false;
    for (var a = 0u; a < r.kernel_height; a++) {
      for (var b = 0u; b < r.kernel_width; b++) {
        let y = row + i32(a);
        let x = column + i32(b);
        if (u32(y) >= r.height || u32(x) >= r.width) { continue; }
        var value = load_x((image * r.height + u32(y)) * r.width + u32(x), c);
        if (HAS_scale) { value = fma(value, scale, shift); }
        if (RELU) { value = relu(value); }
        if (MAX) {
          let its_rank = value * sign_of;
          for (var i = 0u; i < 4u; i++) {
            if (!found || beats(its_rank[i], rank[i])) {
              best[i] = value[i];
              rank[i] = its_rank[i];
              position[i] = a * r.kernel_width + b;
            }
          }
          found = true;
        } else {
          best += value;
        }
      }
    }
    if (!MAX) { best = best * (1.0 / f32(r.kernel_height * r.kernel_width)); }
    store_y(p, c, only(best, exists), r.channels - c);
    values[n] = best;
    if (HAS_index) {
      put_word_index(p * r.index_stride + c / 4u,
                  position.x | (position.y << 8u) | (position.z << 16u) | (position.w << 24u));
    }
  }
  return values;
}
