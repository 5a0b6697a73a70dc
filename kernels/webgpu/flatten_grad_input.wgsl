// [N, C·H·W] → [N, H, W, C]: = or += the gradient of `flatten`, with its correction. One element per invocation.
@compute @workgroup_size(64)
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
}
