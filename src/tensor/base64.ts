/** Characters that `String.fromCharCode` takes at once. */
const CHUNK = 0x8000;

/** Bytes as base64, in Node and in a page. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK)
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

/** In newer browsers, many times as fast. */
const { fromBase64 } = Uint8Array as { readonly fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };

/** @throws RangeError unless the text is base64. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    if (fromBase64) return fromBase64.call(Uint8Array, text);
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  } catch {
    throw new RangeError('the text is not base64');
  }
}
