/** An ONNX file that cannot be read or written: says what is wrong, what was expected and what to do. */
export class OnnxError extends Error {
  override readonly name = 'OnnxError';
}
