// Counter-based random numbers: a pure function of (seed, stream, counter), the same as in src/tensor/random.ts.
// Philox2x32-10 (Salmon et al. 2011).
const MULTIPLIER = 0xd256d193u;

// The upper 32 bits of a product.
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

// Channels [c, c + 4) of a pixel of an image, each dropped or scaled. Element i of a map, in N, C, H, W order from
// the first image of the batch on, depends on random number i of the layer's stream. NaN stays NaN.
fn drop_out(x: vec4f, image: u32, pixel: u32, c: u32, channels: u32, image_pixels: u32) -> vec4f {
  var factors = vec4f();
  for (var i = 0u; i < 4u; i++) {
    let element = ((control.first_image + image) * channels + c + i) * image_pixels + pixel;
    if (random_bits(control.step_seed, r.stream, element) >= r.threshold) { factors[i] = r.kept_scale; }
  }
  return x * factors;
}
