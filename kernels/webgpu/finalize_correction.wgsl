// slope = 2·gradVariance/pixels, intercept = gradMean/pixels − slope·mean. Per invocation one channel.
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= r.channels) { return; }
  let slope = 2.0 * number_grad_variance(c) / r.pixels;
  put_slope(c, slope);
  put_intercept(c, fma(-slope, number_mean(c), number_grad_mean(c) / r.pixels));
}
