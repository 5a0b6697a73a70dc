/** The part of the network that a layer belongs to: `dense block 1` of `dense block 1 (1.net.0.2 conv2d)`. */
export function partOf(layer: string): string {
  return layer.replace(/ \(.*\)$/, '');
}
