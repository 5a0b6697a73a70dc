// Written by `npm run build:wgsl` from kernels/webgpu: do not edit.
export const wgsl = {
  adamw: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total || has_failed()) { return; }
  let e = entry_of(at);
  let i = at - e.first;
  var g = read_gradient(e.gradient + i);
  if (HAS_clip) { g *= number_clip(0u); }
  let mean = fma(1.0 - r.rest1, read_moment1(e.moment1 + i), r.rest1 * g);
  let square = fma(1.0 - r.rest2, read_moment2(e.moment2 + i), r.rest2 * (g * g));
  write_moment1(e.moment1 + i, mean);
  write_moment2(e.moment2 + i, square);
  let rate = control.learning_rate;
  let kept = fma(-rate * e.weight_decay, read_parameter(e.parameter + i), read_parameter(e.parameter + i));
  let size = rate / control.bias_correction1;
  let unbias = 1.0 / sqrt(control.bias_correction2);
  write_parameter(e.parameter + i, kept - size * mean / fma(sqrt(square), unbias, r.eps));
}`,
  clip_scale: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  let share = share_of(lane, r.partial_count);
  var sum = 0.0;
  for (var k = share.x; k < share.y; k++) { sum += number_partials(k); }
  let norm = sqrt(sum_lanes(lane, sum));
  if (lane > 0u) { return; }
  put_norm(0u, norm);
  put_clip(0u, min(1.0, r.max_norm / (norm + 1e-6)));
  if (!is_finite(norm)) { fail(); }
}`,
  conv2d: `struct Corner { pixel: i32, row: i32, column: i32 };
var<private> corners: array<Corner, 8>;
var<workgroup> sums_of: array<vec4f, 128>;
var<workgroup> means_of: array<vec4f, 8>;
fn setup(lane: u32, tile: u32, panel: u32) {
  lane_of = lane;
  panel_of = panel;
  for (var j = 0u; j < 8u; j++) {
    let p = tile * 128u + pixel_of(lane, j);
    if (p >= r.pixels) {
      corners[j] = Corner(0, -1000000, 0);
      continue;
    }
    let image = p / r.out_pixels;
    let in_image = p % r.out_pixels;
    let row = i32((in_image / r.out_width) * r.stride_height) - i32(r.padding_height);
    let column = i32((in_image % r.out_width) * r.stride_width) - i32(r.padding_width);
    corners[j] = Corner((i32(image * r.height) + row) * i32(r.width) + column, row, column);
  }
}
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
}`,
  conv2d_grad_input: `struct Corner { image: u32, row: i32, column: i32 };
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
}`,
  conv2d_grad_weight: `struct Corner { pixel: i32, row: i32, column: i32, exists: i32 };
var<workgroup> corners: array<Corner, 16>;
var<private> first_row: u32;
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
}`,
  cross_entropy: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  let share = share_of(lane, r.images);
  var loss = 0.0;
  var correct = 0.0;
  for (var image = share.x; image < share.y; image++) {
    let label = word_labels(image);
    let norm = log_sum_exp(image);
    var best = 0u;
    var sum = 0.0;
    for (var k = 0u; k < r.classes; k++) {
      let x = element_logits(image, k);
      if (x > element_logits(image, best)) { best = k; }
      sum += x;
    }
    let expected = (1.0 - r.smoothing) * element_logits(image, label) + r.smoothing * (sum / f32(r.classes));
    loss += weight_of(image) * (norm - expected);
    correct += select(0.0, 1.0, best == label);
    if (HAS_grad_logits) { differentiate(image, label, norm); }
  }
  if (!HAS_loss) { return; }
  let all = sum_lanes(lane, loss) / r.mean_over;
  let right = sum_lanes(lane, correct);
  if (lane > 0u) { return; }
  put_loss(0u, all);
  put_correct(0u, right);
  if (!is_finite(all)) { fail(); }
}
fn differentiate(image: u32, label: u32, norm: f32) {
  let factor = weight_of(image) / r.mean_over;
  for (var k = 0u; k < r.classes; k++) {
    let truth = select(0.0, 1.0 - r.smoothing, k == label) + r.smoothing / f32(r.classes);
    var g = factor * (exp(element_logits(image, k) - norm) - truth);
    if (ACCUMULATE) { g += element_grad_logits(image, k); }
    put_element_grad_logits(image, k, g);
  }
}`,
  dropout: `fn compute(tile: u32, first: u32, c: u32) -> array<vec4f, 16> {
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
}`,
  elementwise: `fn compute(tile: u32, first: u32, c: u32) -> array<vec4f, 16> {
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
}`,
  expand_bytes: `@group(0) @binding(0) var<storage, read> bytes: array<u32>;
@group(0) @binding(1) var<storage, read> tables: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
fn put(i: u32, word: u32) { if (i < arrayLength(&y)) { y[i] = word; } }
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = (group.x + group.y * groups.x) * 64u + lane;
  if (at >= arrayLength(&bytes)) { return; }
  let channels = arrayLength(&tables) / 256u;
  let four = bytes[at];
  var words = vec4u();
  for (var k = 0u; k < 4u; k++) {
    words[k] = tables[((4u * at + k) % channels) * 256u + ((four >> (8u * k)) & 255u)];
  }
  if (HALF) {
    put(2u * at, words.x | (words.y << 16u));
    put(2u * at + 1u, words.z | (words.w << 16u));
  } else {
    for (var k = 0u; k < 4u; k++) { put(4u * at + k, words[k]); }
  }
}`,
  finalize_correction: `@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= r.channels) { return; }
  let slope = 2.0 * number_grad_variance(c) / r.pixels;
  put_slope(c, slope);
  put_intercept(c, fma(-slope, number_mean(c), number_grad_mean(c) / r.pixels));
}`,
  finalize_grad_sums: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let c = group.x;
  let share = share_of(lane, r.partial_count);
  var sum = 0.0;
  var centred = 0.0;
  for (var k = share.x; k < share.y; k++) {
    sum += number_sums(k * 2u * r.sum_stride + c);
    centred += number_sums((k * 2u + 1u) * r.sum_stride + c);
  }
  let s = sum_lanes(lane, sum);
  let t = sum_lanes(lane, centred);
  if (lane > 0u) { return; }
  let q = 1.0 / sqrt(number_variance(c) + r.eps);
  let gamma = number_gamma(c);
  var gradients = vec4f(q * t, s, -gamma * q * s, -0.5 * gamma * q * q * q * t);
  if ((r.accumulates & 1u) != 0u) { gradients.x += number_grad_gamma(c); }
  if ((r.accumulates & 2u) != 0u) { gradients.y += number_grad_beta(c); }
  if ((r.accumulates & 4u) != 0u) { gradients.z += number_grad_mean(c); }
  if ((r.accumulates & 8u) != 0u) { gradients.w += number_grad_variance(c); }
  put_grad_gamma(c, gradients.x);
  put_grad_beta(c, gradients.y);
  put_grad_mean(c, gradients.z);
  put_grad_variance(c, gradients.w);
  if (!is_finite(gradients.x) || !is_finite(gradients.y) || !is_finite(gradients.z) || !is_finite(gradients.w)) { fail(); }
  let own = c - r.first;
  if (HAS_slope && own < r.count) {
    let slope = 2.0 * gradients.w / r.pixels;
    put_slope(own, slope);
    put_intercept(own, fma(-slope, number_mean(own), gradients.z / r.pixels));
  }
}`,
  finalize_statistics: `var<workgroup> count_of: array<f32, 64>;
var<workgroup> mean_of: array<f32, 64>;
var<workgroup> m2_of: array<f32, 64>;
fn pixels_of(partial: u32) -> f32 {
  let slice = partial / r.slice_tiles;
  let in_slice = min(r.slice_pixels, r.pixels - slice * r.slice_pixels);
  return f32(min(128u, in_slice - (partial - slice * r.slice_tiles) * 128u));
}
fn merged(a: vec3f, b: vec3f) -> vec3f {
  let count = a.x + b.x;
  if (b.x == 0.0) { return a; }
  if (a.x == 0.0) { return b; }
  let delta = b.y - a.y;
  return vec3f(count, a.y + delta * (b.x / count), a.z + b.z + delta * delta * (a.x * (b.x / count)));
}
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let channel = group.x;
  let own = channel - r.first;
  var mean = 0.0;
  var variance = 0.0;
  if (HAS_partials && own < r.channels) {
    let share = share_of(lane, r.partial_count);
    var sum = vec3f();
    for (var k = share.x; k < share.y; k++) {
      let at = k * 2u * r.partial_stride + own;
      sum = merged(sum, vec3f(pixels_of(k), number_partials(at), number_partials(at + r.partial_stride)));
    }
    count_of[lane] = sum.x;
    mean_of[lane] = sum.y;
    m2_of[lane] = sum.z;
    workgroupBarrier();
    if (lane == 0u) {
      var all = vec3f();
      for (var i = 0u; i < 64u; i++) { all = merged(all, vec3f(count_of[i], mean_of[i], m2_of[i])); }
      mean = all.y;
      variance = all.z / all.x;
      put_mean(own, mean);
      put_variance(own, variance);
      if (!is_finite(mean) || !is_finite(variance)) { fail(); }
    }
  } else if (HAS_all_mean) {
    mean = number_all_mean(channel);
    variance = number_all_variance(channel);
  }
  if (HAS_scale && lane == 0u) {
    let scale = number_gamma(channel) / sqrt(variance + r.eps);
    if (HAS_bias) { mean -= number_bias(channel); }
    put_scale(channel, scale);
    put_shift(channel, fma(-scale, mean, number_beta(channel)));
  }
}`,
  flatten: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let i = linear(group, groups) * 64u + lane;
  if (i >= r.total) { return; }
  let features = r.channels * r.image_pixels;
  let image = i / features;
  let feature = i - image * features;
  let c = feature / r.image_pixels;
  put_element_y(image, feature, element_x(image * r.image_pixels + feature - c * r.image_pixels, c));
}`,
  flatten_grad_input: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let i = linear(group, groups) * 64u + lane;
  if (i >= r.total) { return; }
  let pixel = i / r.channels;
  let c = i - pixel * r.channels;
  let image = pixel / r.image_pixels;
  let feature = c * r.image_pixels + pixel - image * r.image_pixels;
  var g = element_grad_output(image, feature);
  if (HAS_slope) { g += fma(number_slope(feature), element_feature(image, feature), number_intercept(feature)); }
  if (ACCUMULATE) { g += element_gradient(pixel, c); }
  put_element_gradient(pixel, c, g);
}`,
  gather: `var<workgroup> gathered: array<vec4f, 64>;
fn total(lane: u32) -> vec4f {
  var all = vec4f();
  for (var i = 0u; i < 8u; i++) { all += gathered[i * 8u + lane % 8u]; }
  return all;
}
fn gather(tile: u32, first: u32, c: u32, lane: u32, computed: array<vec4f, 16>) {
  let values = computed;
  let own = (max(end_of(tile), first) - first + 7u) / 8u;
  var sum = vec4f();
  for (var i = 0u; i < own; i++) { sum += values[i]; }
  gathered[lane] = sum;
  workgroupBarrier();
  let mean = total(lane) / f32(end_of(tile) - tile * 128u);
  workgroupBarrier();
  var squares = vec4f();
  for (var i = 0u; i < own; i++) {
    let deviation = values[i] - mean;
    squares = fma(deviation, deviation, squares);
  }
  gathered[lane] = squares;
  workgroupBarrier();
  if (lane < 8u && c < r.channels) {
    store_partials(tile * 2u * r.partial_stride + c, mean);
    store_partials((tile * 2u + 1u) * r.partial_stride + c, total(lane));
  }
}
fn channels4(tile: u32, first: u32, c: u32, lane: u32) {
  var values = array<vec4f, 16>();
  if (c < r.channels) { values = compute(tile, first, c); }
  if (HAS_partials) { gather(tile, first, c, lane, values); }
}`,
  grad_input: `struct Factors { scale: vec4f, shift: vec4f, mean: vec4f };
struct Terms2 { dz: vec4f, centred: vec4f };
fn factors_of(c: u32) -> Factors {
  var factors = Factors(vec4f(1.0), vec4f(), vec4f());
  if (HAS_scale) {
    factors.scale = quad_scale(c);
    factors.shift = quad_shift(c);
  }
  if (HAS_sums) { factors.mean = quad_mean(c); }
  return factors;
}
fn store_gradient_of(pixel: u32, c: u32, channels: u32, du: vec4f, factors: Factors) -> Terms2 {
  let exists = existing(c, channels);
  var dz = du;
  var x = vec4f();
  if (RELU || HAS_sums) { x = load_x(pixel, c); }
  if (RELU) { dz = select(vec4f(), dz, fma(factors.scale, x, factors.shift) > vec4f()); }
  dz = only(dz, exists);
  var gradient = only(factors.scale, exists) * dz;
  if (ACCUMULATE) { gradient = fma(factors.scale, dz, load_gradient(pixel, c)); }
  store_gradient(pixel, c, gradient, channels - c);
  return Terms2(dz, only(dz * (x - factors.mean), exists));
}`,
  map_grad_input: `var<workgroup> parts_of: array<vec4f, 128>;
fn grad_output_at(pixel: u32, c: u32, slope: vec4f, intercept: vec4f) -> vec4f {
  var g = load_grad_output(pixel, c);
  if (HAS_slope) { g += fma(slope, load_feature(pixel, c), intercept); }
  return g;
}
fn covering(at: u32, stride: u32, padding: u32, kernel: u32, outputs: u32) -> vec2u {
  let padded = at + padding;
  let first = select(0u, (padded - kernel) / stride + 1u, padded >= kernel);
  return vec2u(first, min(padded / stride + 1u, outputs));
}
fn pooled_gradient(p: u32, c: u32, slope: vec4f, intercept: vec4f) -> vec4f {
  let image = p / r.in_pixels;
  let in_image = p - image * r.in_pixels;
  let i = in_image / r.width;
  let j = in_image % r.width;
  let rows = covering(i, r.stride_height, r.padding_height, r.kernel_height, r.out_height);
  let columns = covering(j, r.stride_width, r.padding_width, r.kernel_width, r.out_width);
  var sum = vec4f();
  for (var y = rows.x; y < rows.y; y++) {
    for (var x = columns.x; x < columns.y; x++) {
      let pixel = (image * r.out_height + y) * r.out_width + x;
      let g = grad_output_at(pixel, c, slope, intercept);
      if (MAX && HAS_index) {
        let position = (i + r.padding_height - y * r.stride_height) * r.kernel_width
          + j + r.padding_width - x * r.stride_width;
        let winners = (vec4u(word_index(pixel * r.index_stride + c / 4u)) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
        sum += select(vec4f(), g, winners == vec4u(position));
      } else {
        sum += g;
      }
    }
  }
  if (AVERAGE) { sum = sum * (1.0 / f32(r.kernel_height * r.kernel_width)); }
  return sum;
}
fn channels4(tile: u32, first: u32, c: u32, lane: u32) {
  var sum = vec4f();
  var centred = vec4f();
  if (c < r.channels) {
    let factors = factors_of(c);
    var slope = vec4f();
    var intercept = vec4f();
    if (HAS_slope) {
      slope = quad_slope(c);
      intercept = quad_intercept(c);
    }
    var own_slope = vec4f();
    var own_intercept = vec4f();
    if (HAS_own_slope) {
      own_slope = quad_own_slope(c);
      own_intercept = quad_own_intercept(c);
    }
    for (var p = first; p < end_of(tile); p += 8u) {
      var du = vec4f();
      if (MAX || AVERAGE) { du = pooled_gradient(p, c, slope, intercept); } else { du = grad_output_at(p, c, slope, intercept); }
      if (HAS_own_slope) { du += fma(own_slope, load_x(p, c), own_intercept); }
      let terms = store_gradient_of(p, c, r.channels, du, factors);
      sum += terms.dz;
      centred += terms.centred;
    }
  }
  if (HAS_sums) {
    parts_of[lane] = sum;
    parts_of[64u + lane] = centred;
    workgroupBarrier();
    if (lane < 16u && c < r.channels) {
      let half = lane / 8u;
      var all = vec4f();
      for (var i = 0u; i < 8u; i++) { all += parts_of[64u * half + i * 8u + lane % 8u]; }
      store_sums((tile * 2u + half) * r.sum_stride + c, all);
    }
  }
}`,
  merge: `var<workgroup> lanes_of: array<f32, 64>;
fn sum_lanes(lane: u32, x: f32) -> f32 {
  workgroupBarrier();
  lanes_of[lane] = x;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (lane < half) { lanes_of[lane] += lanes_of[lane + half]; }
    workgroupBarrier();
  }
  return lanes_of[0];
}
fn share_of(lane: u32, count: u32) -> vec2u {
  let each = (count + 63u) / 64u;
  return vec2u(min(lane * each, count), min((lane + 1u) * each, count));
}`,
  moving_average: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total || has_failed()) { return; }
  let e = entry_of(at);
  let i = at - e.first;
  let rest = max(r.rest, 9.0 / (10.0 + control.step));
  let average = read_average(e.average + i);
  write_average(e.average + i, fma(rest, read_value(e.value + i) - average, average));
}`,
  pack_weights: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total) { return; }
  let e = entry_of(at);
  let i = at - e.first;
  let panel = i / (e.depth * 32u);
  let term = (i / 32u) % e.depth;
  let tap = term / e.per_tap;
  let depth_channel = term - tap * e.per_tap;
  let output = panel * 32u + i % 32u;
  let o = select(output, depth_channel, e.transposed != 0u);
  let c = select(depth_channel, output, e.transposed != 0u);
  var weight = 0.0;
  if (tap < e.taps && o < e.out_channels && c < e.in_channels) {
    weight = read_weight(e.weight + (o * e.in_channels + c) * e.taps + tap);
    if (HAS_scale) { weight *= read_scale(e.scale + o); }
  }
  write_packed(e.packed + i, weight);
}`,
  peak_copy: `@group(0) @binding(0) var<uniform> quads: u32;
@group(0) @binding(1) var<storage, read_write> memory: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < quads; i += 64u * groups.x) { memory[quads + i] = memory[i]; }
}`,
  peak_multiply_add: `struct Amount { repeats: u32 };
@group(0) @binding(0) var<uniform> amount: Amount;
@group(0) @binding(1) var<storage, read_write> results: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let x = vec4f(f32(id.x % 7u) * 1e-3);
  let y = vec4f(0.999);
  var a = array<vec4f, 16>();
  for (var i = 0u; i < 16u; i++) { a[i] = vec4f(f32(i)); }
  for (var k = 0u; k < amount.repeats; k++) {
    a[0] = fma(a[0], y, x); a[1] = fma(a[1], y, x); a[2] = fma(a[2], y, x); a[3] = fma(a[3], y, x);
    a[4] = fma(a[4], y, x); a[5] = fma(a[5], y, x); a[6] = fma(a[6], y, x); a[7] = fma(a[7], y, x);
    a[8] = fma(a[8], y, x); a[9] = fma(a[9], y, x); a[10] = fma(a[10], y, x); a[11] = fma(a[11], y, x);
    a[12] = fma(a[12], y, x); a[13] = fma(a[13], y, x); a[14] = fma(a[14], y, x); a[15] = fma(a[15], y, x);
  }
  var sum = vec4f();
  for (var i = 0u; i < 16u; i++) { sum += a[i]; }
  results[id.x % arrayLength(&results)] = sum;
}`,
  pixel_rows: `var<private> lane_of: u32;
var<private> panel_of: u32;
fn keep_rows(lane: u32, rows: Rows) {
  let term = 4u * (lane % 4u);
  let at = lane / 4u;
  for (var h = 0u; h < 2u; h++) {
    let p = rows.q[4u * h];
    let q = rows.q[4u * h + 1u];
    let s = rows.q[4u * h + 2u];
    let t = rows.q[4u * h + 3u];
    let to = at + 16u * h;
    rows_of[term * PITCH + to] = vec4f(p.x, q.x, s.x, t.x);
    rows_of[(term + 1u) * PITCH + to] = vec4f(p.y, q.y, s.y, t.y);
    rows_of[(term + 2u) * PITCH + to] = vec4f(p.z, q.z, s.z, t.z);
    rows_of[(term + 3u) * PITCH + to] = vec4f(p.w, q.w, s.w, t.w);
  }
}
fn pixel_of(lane: u32, j: u32) -> u32 { return 4u * (lane / 4u) + j % 4u + 64u * (j / 4u); }
fn load_columns(i: u32, block: u32) -> vec4f {
  return quad_packed(((panel_of * r.blocks + block) * DEPTH) * 32u + 4u * i);
}`,
  pool: `fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
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
}`,
  prelude: `const ALL = vec4<bool>(true, true, true, true);
fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
fn fail() { atomicMin(&control.failed_record, r.number); }
fn has_failed() -> bool { return atomicLoad(&control.failed_record) != 0xffffffffu; }
fn relu(z: vec4f) -> vec4f { return select(z, vec4f(), z <= vec4f()); }
fn existing(c: u32, channels: u32) -> vec4<bool> { return vec4u(c, c + 1u, c + 2u, c + 3u) < vec4u(channels); }
fn only(x: vec4f, exists: vec4<bool>) -> vec4f { return select(vec4f(), x, exists); }
fn linear(group: vec3u, groups: vec3u) -> u32 { return group.x + group.y * groups.x; }`,
  product: `const DEPTH = 16u;
const PITCH = 33u;
struct Rows { q: array<vec4f, 8> };
var<workgroup> rows_of: array<vec4f, 528>;
var<workgroup> columns_of: array<vec4f, 128>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let tile = linear(group, groups);
  let panel = group.z;
  if (tile >= r.tiles) { return; }
  setup(lane, tile, panel);
  let m = 2u * (lane / 4u);
  let n = 2u * (lane % 4u);
  var a0 = vec4f(); var b0 = vec4f();
  var a1 = vec4f(); var b1 = vec4f();
  var a2 = vec4f(); var b2 = vec4f();
  var a3 = vec4f(); var b3 = vec4f();
  var a4 = vec4f(); var b4 = vec4f();
  var a5 = vec4f(); var b5 = vec4f();
  var a6 = vec4f(); var b6 = vec4f();
  var a7 = vec4f(); var b7 = vec4f();
  for (var block = 0u; block < r.blocks; block++) {
    let terms = terms_of(block);
    let rows = load_rows(lane, terms);
    let c0 = load_columns(lane, block);
    let c1 = load_columns(lane + 64u, block);
    workgroupBarrier();
    keep_rows(lane, rows);
    columns_of[lane] = c0;
    columns_of[lane + 64u] = c1;
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      let x = rows_of[k * PITCH + m];
      let y = rows_of[k * PITCH + m + 1u];
      let u = columns_of[k * 8u + n];
      let v = columns_of[k * 8u + n + 1u];
      a0 = fma(vec4f(x.x), u, a0); b0 = fma(vec4f(x.x), v, b0);
      a1 = fma(vec4f(x.y), u, a1); b1 = fma(vec4f(x.y), v, b1);
      a2 = fma(vec4f(x.z), u, a2); b2 = fma(vec4f(x.z), v, b2);
      a3 = fma(vec4f(x.w), u, a3); b3 = fma(vec4f(x.w), v, b3);
      a4 = fma(vec4f(y.x), u, a4); b4 = fma(vec4f(y.x), v, b4);
      a5 = fma(vec4f(y.y), u, a5); b5 = fma(vec4f(y.y), v, b5);
      a6 = fma(vec4f(y.z), u, a6); b6 = fma(vec4f(y.z), v, b6);
      a7 = fma(vec4f(y.w), u, a7); b7 = fma(vec4f(y.w), v, b7);
    }
  }
  finish(lane, tile, panel, array<vec4f, 16>(a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5, a6, b6, a7, b7));
}
fn tap_of(term: u32) -> vec3u {
  let tap = term / r.per_tap;
  return vec3u(tap / r.kernel_width, tap % r.kernel_width, term - tap * r.per_tap);
}`,
  random: `const MULTIPLIER = 0xd256d193u;
fn multiply_high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}
fn random_bits(seed: u32, stream: u32, counter: u32) -> u32 {
  var left = counter;
  var right = stream;
  var key = seed;
  for (var round = 0u; round < 10u; round++) {
    let low = MULTIPLIER * left;
    left = multiply_high(MULTIPLIER, left) ^ key ^ right;
    right = low;
    key += 0x9e3779b9u;
  }
  return left;
}
fn drop_out(x: vec4f, image: u32, pixel: u32, c: u32, channels: u32, image_pixels: u32) -> vec4f {
  var factors = vec4f();
  for (var i = 0u; i < 4u; i++) {
    let element = ((control.first_image + image) * channels + c + i) * image_pixels + pixel;
    if (random_bits(control.step_seed, r.stream, element) >= r.threshold) { factors[i] = r.kept_scale; }
  }
  return x * factors;
}`,
  reduce_grad_weight: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total) { return; }
  let e = entry_of(at);
  let i = at - e.first;
  let row = i / e.partial_stride;
  let o = i - row * e.partial_stride;
  let tap = row / e.per_tap;
  let c = row - tap * e.per_tap;
  let is_bias = HAS_grad_bias && row == e.rows - 4u;
  if (o >= e.out_channels || (!is_bias && (tap >= e.taps || c >= e.in_channels))) { return; }
  var sum = 0.0;
  for (var k = 0u; k < e.splits; k++) { sum += read_partials(e.partials + (k * e.rows + row) * e.partial_stride + o); }
  if (is_bias) {
    let to = e.grad_bias + o;
    if ((e.accumulate & 2u) != 0u) { sum += read_grad_bias(to); }
    write_grad_bias(to, sum);
  } else {
    let to = e.grad_weight + (o * e.in_channels + c) * e.taps + tap;
    if ((e.accumulate & 1u) != 0u) { sum += read_grad_weight(to); }
    write_grad_weight(to, sum);
  }
  if (!is_finite(sum)) { fail(); }
}`,
  sgd: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total || has_failed()) { return; }
  let e = entry_of(at);
  let i = at - e.first;
  let parameter = read_parameter(e.parameter + i);
  var step = read_gradient(e.gradient + i);
  if (HAS_clip) { step *= number_clip(0u); }
  step = fma(e.weight_decay, parameter, step);
  if (HAS_velocity) {
    let velocity = fma(r.momentum, read_velocity(e.velocity + i), step);
    write_velocity(e.velocity + i, velocity);
    step = velocity;
    if (NESTEROV) {
      var d = read_gradient(e.gradient + i);
      if (HAS_clip) { d *= number_clip(0u); }
      step = fma(r.momentum, velocity, fma(e.weight_decay, parameter, d));
    }
  }
  write_parameter(e.parameter + i, fma(-control.learning_rate, step, parameter));
}`,
  softmax: `fn log_sum_exp(image: u32) -> f32 {
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
}`,
  statistics: `fn compute(tile: u32, first: u32, c: u32) -> array<vec4f, 16> {
  var values = array<vec4f, 16>();
  for (var i = 0u; i < 16u && first + 8u * i < end_of(tile); i++) { values[i] = load_x(first + 8u * i, c); }
  return values;
}`,
  sum_squares: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let workgroup = linear(group, groups);
  if (workgroup >= r.total) { return; }
  let e = entry_of(workgroup);
  let share = workgroup - e.first;
  var sum = 0.0;
  for (var k = 0u; k < r.each; k++) {
    let i = (share * r.each + k) * 64u + lane;
    if (i < e.count) {
      let x = read_at(e.at + i);
      sum = fma(x, x, sum);
    }
  }
  let all = sum_lanes(lane, sum);
  if (lane == 0u) { put_partials(e.partial + share, all); }
}`,
  tile: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let tile = linear(group, groups);
  if (tile >= r.tiles) { return; }
  channels4(tile, tile * 128u + lane / 8u, group.z * 32u + 4u * (lane % 8u), lane);
}
fn end_of(tile: u32) -> u32 { return min(tile * 128u + 128u, r.pixels); }`,
  update_running_statistics: `@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = linear(group, groups) * 64u + lane;
  if (at >= r.total || has_failed()) { return; }
  let e = entry_of(at);
  let c = at - e.first;
  let keep = 1.0 - e.momentum;
  let mean = fma(e.momentum, read_mean(e.mean + c), keep * read_running_mean(e.running_mean + c));
  let unbiased = read_variance(e.variance + c) * e.unbias;
  let variance = fma(e.momentum, unbiased, keep * read_running_var(e.running_var + c));
  write_running_mean(e.running_mean + c, mean);
  write_running_var(e.running_var + c, variance);
}`,
} as const;
