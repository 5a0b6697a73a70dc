// Statistics of a map that no kernel computes: an input, a concatenation of copies.
fn channels4(tile: u32, first: u32, c: u32, lane: u32) {
  var values = array<vec4f, 16>();
  if (c < r.channels) {
    for (var i = 0u; i < 16u && first + 8u * i < end_of(tile); i++) { values[i] = load_x(first + 8u * i, c); }
  }
  gather(tile, first, c, lane, values);
}
