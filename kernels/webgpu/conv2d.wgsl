// y = dropout(relu?(conv(prologue(x)) + bias)). Rows: pixels of y of all images; columns: its channels. Terms: taps ×
// channels. Writes exactly the channels of y that exist. Statistics: partials[tile][2][partial_stride] = mean and sum
// of squared deviations of the tile's pixels, merged by finalize_statistics.
struct Corner { pixel: i32, row: i32, column: i32 };
var<private> corners: array<Corner, 8>; // Window corners of this invocation's pixels.
var<workgroup> sums_of: array<vec4f, 128>;
var<workgroup> means_of: array<vec4f, 8>;

fn setup(lane: u32, tile: u32, panel: u32) {
  lane_of = lane;
  panel_of = panel;
  for (var j = 0u; j < 8u; j++) {
    let p = tile * 128u + pixel_of(lane, j);
    if (p >= r.pixels) {
      corners[j] = Corner(0, -1000000, 0); // All taps are outside the map.
      continue;
    }
    let image = p / r.out_pixels;
    let in_image = p % r.out_pixels;
    let row = i32((in_image / r.out_width) * r.stride_height) - i32(r.padding_height);
    let column = i32((in_image % r.out_width) * r.stride_width) - i32(r.padding_width);
    corners[j] = Corner((i32(image * r.height) + row) * i32(r.width) + column, row, column);
  }
}

// Four terms of the sum: a tap, four channels, and their prologue coefficients.
struct Terms { row: i32, column: i32, channel: u32, exists: vec4<bool>, scale: vec4f, shift: vec4f };
fn terms_of(block: u32) -> Terms {
  let first = block * DEPTH + 4u * (lane_of % 4u);
  let at = tap_of(first);
  let channel = select(r.in_channels, at.z, first < r.taps * r.per_tap);
  var terms = Terms(i32(at.x), i32(at.y), channel, existing(channel, r.in_channels), vec4f(), vec4f());
  if (HAS_scale && channel < r.in_channels) {
    terms.scale = quad_scale(channel);
    terms.shift = quad_shift(channel);
  }
  return terms;
}

fn is_inside(row: i32, column: i32) -> bool { return u32(row) < r.height && u32(column) < r.width; }

fn load_rows(lane: u32, terms: Terms) -> Rows {
  var rows = Rows();
  for (var j = 0u; j < 8u; j++) {
    let corner = corners[j];
    if (terms.channel < r.in_channels && is_inside(corner.row + terms.row, corner.column + terms.column)) {
      let pixel = u32(corner.pixel + terms.row * i32(r.width) + terms.column);
      var x = load_x(pixel, terms.channel);
      if (HAS_scale) { x = fma(x, terms.scale, terms.shift); }
      if (RELU) { x = relu(x); }
      rows.q[j] = only(x, terms.exists);
    }
  }
  return rows;
}

fn finish(lane: u32, tile: u32, panel: u32, product: array<vec4f, 16>) {
  var sums = product;
  let channel = panel * 32u + 8u * (lane % 4u);
  let first = tile * 128u + 8u * (lane / 4u);
  for (var j = 0u; j < 2u; j++) {
    let c = channel + 4u * j;
    let exists = existing(c, r.out_channels);
    var bias = vec4f();
    if (HAS_bias && c < r.out_channels) { bias = only(quad_bias(c), exists); }
    for (var p = 0u; p < 8u; p++) {
      var y = sums[2u * p + j] + bias;
      if (OUT_RELU) { y = relu(y); }
      if (DROPOUT) { y = dropped(y, first + p, c); }
      y = only(y, exists);
      sums[2u * p + j] = y;
      if (first + p < r.pixels && c < r.out_channels) { store_y(first + p, c, y, r.out_channels - c); }
    }
  }
  if (HAS_partials) { gather(lane, tile, panel, sums); }
}

fn dropped(y: vec4f, p: u32, c: u32) -> vec4f {
  let image = p / r.out_pixels;
  return drop_out(y, image, p - image * r.out_pixels, c, r.out_channels, r.out_pixels);
}

// Mean, then squared deviations from it, while the values are in registers.
fn gather(lane: u32, tile: u32, panel: u32, sums: array<vec4f, 16>) {
  let values = sums;
  let first = tile * 128u + 8u * (lane / 4u);
  let count = f32(min(128u, r.pixels - tile * 128u));
  let at = (lane / 4u) * 8u + 2u * (lane % 4u);
  let channel = panel * 32u + 4u * lane;
  for (var j = 0u; j < 2u; j++) {
    var sum = vec4f();
    for (var p = 0u; p < 8u; p++) { if (first + p < r.pixels) { sum += values[2u * p + j]; } }
    sums_of[at + j] = sum;
  }
  workgroupBarrier();
  if (lane < 8u) {
    var sum = vec4f();
    for (var i = 0u; i < 16u; i++) { sum += sums_of[i * 8u + lane]; }
    means_of[lane] = sum / count;
    if (channel < r.out_channels) { store_partials(tile * 2u * r.partial_stride + channel, sum / count); }
  }
  workgroupBarrier();
  for (var j = 0u; j < 2u; j++) {
    let mean = means_of[2u * (lane % 4u) + j];
    var squares = vec4f();
    for (var p = 0u; p < 8u; p++) {
      let deviation = values[2u * p + j] - mean;
      if (first + p < r.pixels) { squares = fma(deviation, deviation, squares); }
    }
    sums_of[at + j] = squares;
  }
  workgroupBarrier();
  if (lane < 8u && channel < r.out_channels) {
    var squares = vec4f();
    for (var i = 0u; i < 16u; i++) { squares += sums_of[i * 8u + lane]; }
    store_partials((tile * 2u + 1u) * r.partial_stride + channel, squares);
  }
}
