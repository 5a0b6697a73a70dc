// Per workgroup one channel. With s = Σdz and t = Σdz·(x − mean), q = 1/√(variance + eps):
// dβ = s, dγ = q·t, dmean = −γ·q·s, dvariance = −½·γ·q³·t.
// Then, for channels [first, first + count), the correction of the feature: slope = 2·dvariance/pixels,
// intercept = dmean/pixels − slope·mean.
@compute @workgroup_size(64)
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
}
