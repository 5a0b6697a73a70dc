// The weight gradient of a convolution: rows are taps × channels of the input (and one row for the bias after them),
// columns are channels of the output, terms are the pixels of one split. partials[split][row][partial_stride] are
// added by reduce_grad_weight.
struct Corner { pixel: i32, row: i32, column: i32, exists: i32 };
var<workgroup> corners: array<Corner, 16>; // Window corners of the block's pixels.
var<private> first_row: u32;               // Of this invocation's quad of rows.
var<private> tap_row: i32;
var<private> tap_column: i32;
var<private> channel: u32;
var<private> exists: vec4<bool>;
var<private> is_bias: bool;
var<private> scale: vec4f;
var<private> shift: vec4f;
var<private> begin: u32;
var<private> end: u32;
var<private> out_channel: u32;
var<private> slope: vec4f;
var<private> intercept: vec4f;
var<private> tile_of: u32;
var<private> split_of: u32;

// Workgroups: tiles of rows × splits along the first dimension, then panels. r.tiles counts both.
fn setup(lane: u32, tile: u32, panel: u32) {
  let row_tiles = (r.rows + 127u) / 128u;
  tile_of = tile % row_tiles;
  split_of = tile / row_tiles;
  begin = split_of * r.split_pixels;
  end = min(begin + r.split_pixels, r.pixels);
  first_row = tile_of * 128u + 4u * (lane % 32u);
  is_bias = HAS_BIAS && first_row == r.rows - 4u;
  let at = tap_of(first_row);
  tap_row = i32(at.x);
  tap_column = i32(at.y);
  channel = select(r.in_channels, at.z, first_row < r.taps * r.per_tap);
  exists = existing(channel, r.in_channels);
  if (HAS_scale && channel < r.in_channels) {
    scale = quad_scale(channel);
    shift = quad_shift(channel);
  }
  out_channel = panel * 32u + 4u * (lane % 8u);
  if (HAS_slope && out_channel < r.out_channels) {
    slope = quad_slope(out_channel);
    intercept = quad_intercept(out_channel);
  }
}

// The first pixel of a block.
struct Terms { first: u32 };
fn terms_of(block: u32) -> Terms { return Terms(begin + block * DEPTH); }

fn corner_of(p: u32) -> Corner {
  if (p >= end) { return Corner(0, -1000000, 0, 0); }
  let in_image = p % r.out_pixels;
  let row = i32((in_image / r.out_width) * r.stride_height) - i32(r.padding_height);
  let column = i32((in_image % r.out_width) * r.stride_width) - i32(r.padding_width);
  return Corner((i32((p / r.out_pixels) * r.height) + row) * i32(r.width) + column, row, column, 1);
}

fn is_inside(row: i32, column: i32) -> bool { return u32(row) < r.height && u32(column) < r.width; }

// Quad lane % 32 of the rows, at pixels lane / 32 + 2·j of the block.
fn load_rows(lane: u32, terms: Terms) -> Rows {
  if (lane < DEPTH) { corners[lane] = corner_of(terms.first + lane); }
  workgroupBarrier();
  var rows = Rows();
  for (var j = 0u; j < 8u; j++) {
    let corner = corners[lane / 32u + 2u * j];
    if (is_bias) {
      rows.q[j] = vec4f(f32(corner.exists), 0.0, 0.0, 0.0);
    } else if (channel < r.in_channels && is_inside(corner.row + tap_row, corner.column + tap_column)) {
      var x = load_x(u32(corner.pixel + tap_row * i32(r.width) + tap_column), channel);
      if (HAS_scale) { x = fma(x, scale, shift); }
      if (RELU) { x = relu(x); }
      rows.q[j] = only(x, exists);
    }
  }
  return rows;
}

fn keep_rows(lane: u32, rows: Rows) {
  for (var j = 0u; j < 8u; j++) { rows_of[(lane / 32u + 2u * j) * PITCH + lane % 32u] = rows.q[j]; }
}

// Pixel i / 8 of the block, outputs 4·(i % 8) on: i % 8 is lane % 8.
fn load_columns(i: u32, block: u32) -> vec4f {
  let p = begin + block * DEPTH + i / 8u;
  if (p >= end || out_channel >= r.out_channels) { return vec4f(); }
  var g = load_grad_output(p, out_channel);
  if (HAS_slope) { g += fma(slope, load_feature(p, out_channel), intercept); }
  return only(g, existing(out_channel, r.out_channels));
}

fn finish(lane: u32, tile: u32, panel: u32, product: array<vec4f, 16>) {
  let sums = product;
  let row = tile_of * 128u + 8u * (lane / 4u);
  let column = panel * 32u + 8u * (lane % 4u);
  for (var p = 0u; p < 8u; p++) {
    for (var j = 0u; j < 2u; j++) {
      let c = column + 4u * j;
      if (row + p < r.rows && c < r.out_channels) {
        store_partials((split_of * r.rows + row + p) * r.partial_stride + c, sums[2u * p + j]);
      }
    }
  }
}
