// [N, H, W, C] → [N, C·H·W], PyTorch's order. One element per invocation.
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let i = linear(group, groups) * 64u + lane;
  if (i >= r.total) { return; }
  let features = r.channels * r.image_pixels;
  let image = i / features;
  let feature = i - image * features;
  let c = feature / r.image_pixels;
  put_element_y(image, feature, element_x(image * r.image_pixels + feature - c * r.image_pixels, c));
}
