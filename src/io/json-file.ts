import { InputError } from '../tensor/input-error.ts';
import { type Json, JsonError, JsonSyntaxError, parseJson } from './json.ts';

/** A user's file is not valid JSON. The message has line and column. */
export class JsonFileError extends InputError {
  override readonly name = 'JsonFileError';
}

/** Files written by hand are small. */
const LIMITS = { depth: 64, values: 2 ** 18 };

/**
 * Parses a JSON file written by a user. A byte order mark is skipped.
 * @param source name of the file in messages. @throws JsonFileError with line and column.
 */
export function parseJsonFile(bytes: Uint8Array, source: string): Json {
  try {
    return parseJson(decode(bytes, source), LIMITS);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new JsonFileError(`${source}: ${error.place}`);
    if (error instanceof JsonError) throw new JsonFileError(`${source} ${error.message}`);
    throw error;
  }
}

function decode(bytes: Uint8Array, source: string): string {
  if (bytes[0] === 0xff || bytes[0] === 0xfe) {
    throw new JsonFileError(`${source} is no UTF-8 text, but UTF-16 or something else: save it as UTF-8`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes); // Skips a byte order mark.
  } catch {
    throw new JsonFileError(`${source} is no UTF-8 text: save it as UTF-8`);
  }
}
