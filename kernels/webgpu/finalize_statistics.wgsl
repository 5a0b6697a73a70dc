// Per workgroup one channel of a batch norm (or of a map, where there is none): if this record computes its statistics,
// the partials of all tiles are merged in a fixed order (Chan et al. 1979) into mean and biased variance. Then
// scale = γ/√(variance + eps), shift = β − scale·(mean − bias).
var<workgroup> count_of: array<f32, 64>;
var<workgroup> mean_of: array<f32, 64>;
var<workgroup> m2_of: array<f32, 64>;

fn pixels_of(partial: u32) -> f32 {
  let slice = partial / r.slice_tiles;
  let in_slice = min(r.slice_pixels, r.pixels - slice * r.slice_pixels);
  return f32(min(128u, in_slice - (partial - slice * r.slice_tiles) * 128u));
}

// Merges b into a: count, mean, m2.
fn merged(a: vec3f, b: vec3f) -> vec3f {
  let count = a.x + b.x;
  if (b.x == 0.0) { return a; }
  if (a.x == 0.0) { return b; }
  let delta = b.y - a.y;
  return vec3f(count, a.y + delta * (b.x / count), a.z + b.z + delta * delta * (a.x * (b.x / count)));
}

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let channel = group.x; // Of the batch norm.
  let own = channel - r.first; // Of the map; wraps around below r.first.
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
}
