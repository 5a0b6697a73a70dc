import { InputError } from '../../tensor/input-error.ts';

/** An ONNX file cannot be read or written. The message says what is wrong, what was expected and what to do. */
export class OnnxError extends InputError {
  override readonly name = 'OnnxError';
}
