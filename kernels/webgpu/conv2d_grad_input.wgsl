// The input gradient of a convolution: rows are pixels of the input, columns its channels, terms taps × channels of
// the output, to whose gradient the correction slope·feature + intercept is added, if present.
// sums[tile][2][sum_stride] = Σdz and Σdz·(x − mean) of the tile's pixels.
struct Corner { image: u32, row: i32, column: i32 };
var<private> corners: array<Corner, 8>;
var<workgroup> parts_of: array<vec4f, 256>;

fn setup(lane: u32, tile: u32, panel: u32) {
  lane_of = lane;
  panel_of = panel;
  for (var j = 0u; j < 8u; j++) {
    let p = tile * 128u + pixel_of(lane, j);
    if (p >= r.pixels) {
      corners[j] = Corner(0u, -1000000, 0);
      continue;
    }
    let in_image = p % r.in_pixels;
    let row = i32(in_image / r.width) + i32(r.padding_height);
    let column = i32(in_image % r.width) + i32(r.padding_width);
    corners[j] = Corner((p / r.in_pixels) * r.out_height * r.out_width, row, column);
  }
}

// Four terms of the sum: a tap, four channels, and the coefficients of their correction.
struct Terms { row: i32, column: i32, channel: u32, exists: vec4<bool>, scale: vec4f, shift: vec4f };
fn terms_of(block: u32) -> Terms {
  let first = block * DEPTH + 4u * (lane_of % 4u);
  let at = tap_of(first);
  let channel = select(r.out_channels, at.z, first < r.taps * r.per_tap);
  var terms = Terms(i32(at.x), i32(at.y), channel, existing(channel, r.out_channels), vec4f(), vec4f());
  if (HAS_slope && channel < r.out_channels) {
    terms.scale = quad_slope(channel);
    terms.shift = quad_intercept(channel);
  }
  return terms;
}

// The output pixel whose tap (a, b) is the input pixel; −1: none.
fn output_of(corner: Corner, a: i32, b: i32) -> i32 {
  var row = corner.row - a;
  var column = corner.column - b;
  if (STRIDED) {
    let height = i32(r.stride_height);
    let width = i32(r.stride_width);
    if (row < 0 || column < 0 || row % height != 0 || column % width != 0) { return -1; }
    row /= height;
    column /= width;
  }
  if (u32(row) >= r.out_height || u32(column) >= r.out_width) { return -1; }
  return i32(corner.image + u32(row) * r.out_width + u32(column));
}

fn load_rows(lane: u32, terms: Terms) -> Rows {
  var rows = Rows();
  for (var j = 0u; j < 8u; j++) {
    let corner = corners[j];
    if (terms.channel < r.out_channels) {
      let pixel = output_of(corner, terms.row, terms.column);
      if (pixel >= 0) {
        var g = load_grad_output(u32(pixel), terms.channel);
        if (HAS_slope) { g += fma(terms.scale, load_feature(u32(pixel), terms.channel), terms.shift); }
        rows.q[j] = only(g, terms.exists);
      }
    }
  }
  return rows;
}

fn finish(lane: u32, tile: u32, panel: u32, product: array<vec4f, 16>) {
  let sums = product;
  let channel = panel * 32u + 8u * (lane % 4u);
  let first = tile * 128u + 8u * (lane / 4u);
  let at = (lane / 4u) * 8u + 2u * (lane % 4u);
  for (var j = 0u; j < 2u; j++) {
    let c = channel + 4u * j;
    var sum = vec4f();
    var centred = vec4f();
    if (c < r.in_channels) {
      let factors = factors_of(c);
      for (var p = 0u; p < 8u; p++) {
        if (first + p < r.pixels) {
          let terms = store_gradient_of(first + p, c, r.in_channels, sums[2u * p + j], factors);
          sum += terms.dz;
          centred += terms.centred;
        }
      }
    }
    if (HAS_sums) {
      parts_of[at + j] = sum;
      parts_of[128u + at + j] = centred;
    }
  }
  if (HAS_sums) {
    workgroupBarrier();
    let c = panel * 32u + 4u * (lane % 8u);
    if (lane < 16u && c < r.in_channels) {
      let half = lane / 8u;
      var all = vec4f();
      for (var i = 0u; i < 16u; i++) { all += parts_of[128u * half + i * 8u + lane % 8u]; }
      store_sums((tile * 2u + half) * r.sum_stride + c, all);
    }
  }
}
