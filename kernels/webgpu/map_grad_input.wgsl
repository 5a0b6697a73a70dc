// The input gradient of a max pooling (flag MAX), an average pooling (AVERAGE) or an elementwise op: an input pixel
// sums over the windows that cover it, ascending. sums[tile][2][sum_stride] as in conv2d_grad_input. With own_slope
// the gradient of x through its own statistics is added: gradient = du + own_slope·x + own_intercept, and may
// overwrite x.
var<workgroup> parts_of: array<vec4f, 128>;

fn grad_output_at(pixel: u32, c: u32, slope: vec4f, intercept: vec4f) -> vec4f {
  var g = load_grad_output(pixel, c);
  if (HAS_slope) { g += fma(slope, load_feature(pixel, c), intercept); }
  return g;
}

// The outputs whose windows cover an input coordinate.
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
}
