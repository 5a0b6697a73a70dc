// The epilogue of every input gradient: from du, the gradient of the prologue's output, to the gradient of x.
//   z = scale·x + shift,  dz = du·[z > 0] (with ReLU),  gradient = or += scale·dz
// Returns dz and dz·(x − mean), whose sums give the gradients of a batch norm. The gradient may overwrite x.
// Writes exactly the channels that exist.
struct Factors { scale: vec4f, shift: vec4f, mean: vec4f };
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
}
