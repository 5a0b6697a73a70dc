/** bfloat16 (the upper half of a float32) → float32, exactly. */
export function widenBfloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length); // In a loop: `Uint32Array.from` takes a hundred times as long.
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}

/**
 * float32 → bfloat16 as the kernels round (kernels/base/bfloat16.h): to nearest, ties to even; NaN stays NaN.
 * @param into the destination; its first elements are overwritten.
 */
export function narrowToBfloat16(
  numbers: ArrayLike<number>,
  into: Uint16Array = new Uint16Array(numbers.length),
): Uint16Array {
  const wide = numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
  const bits = new Int32Array(wide.buffer, wide.byteOffset, wide.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const rounded =
      (word & 0x7fff_ffff) > 0x7f80_0000 ? word | 0x40_0000 : (word + 0x7fff + ((word >>> 16) & 1)) | 0;
    into[i] = rounded >> 16;
  }
  return into;
}
