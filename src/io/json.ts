import { quoted } from './quoted.ts';

/** A JSON value. Objects have no prototype, so `__proto__` is an ordinary key. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Limits for a text, because short texts can need much memory or a deep stack. */
export interface JsonLimits {
  /** Nesting depth of objects and arrays. */
  readonly depth: number;
  /** Number of values of all kinds. */
  readonly values: number;
}

/** Invalid JSON. The message is a predicate whose subject is the text (`nests deeper than 3`). */
export class JsonError extends Error {
  override readonly name: string = 'JsonError';
}

/** A syntax error. */
export class JsonSyntaxError extends JsonError {
  override readonly name = 'JsonSyntaxError';
  /** `line 2, column 3: expected a colon, not "1"`. */
  readonly place: string;

  constructor(text: string, at: number, expected: string) {
    let [line, start] = [1, 0];
    for (let end = text.indexOf('\n'); end >= 0 && end < at; end = text.indexOf('\n', start)) {
      line++;
      start = end + 1;
    }
    const found = text.slice(at, at + 1);
    const what = found === '' ? 'the end' : JSON.stringify(found);
    const place = `line ${line}, column ${at - start + 1}: expected ${expected}, not ${what}`;
    super(`is not valid JSON (${place})`);
    this.place = place;
  }
}

/** Names of tensors and fields are far shorter. */
const MAX_KEY_CHARACTERS = 1024;
/** 25 characters suffice for any float64. */
const MAX_NUMBER_CHARACTERS = 400;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const [QUOTE, COMMA, COLON] = [0x22, 0x2c, 0x3a];
const [ARRAY, ARRAY_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d];
const LEAST_LETTER = 0x41;
const BACKSLASH = 0x5c;
/** Control characters are written as escapes. */
const LEAST_IN_STRING = 0x20;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORDS: readonly (readonly [text: string, value: Json])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/**
 * Parses untrusted JSON in one pass: like `JSON.parse`, but with limits, and duplicate keys are errors
 * (`JSON.parse` silently keeps the last).
 * @throws JsonError
 */
export function parseJson(text: string, limits: JsonLimits): Json {
  return new JsonReader(text, limits).read();
}

/** The value as an object, if it is one. */
export function asObject(value: Json | undefined): JsonObject | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : undefined;
}

/**
 * An object without a prototype. (`Object.create(null)` is a dictionary-mode object, which is ten times as large.)
 */
const Bare = (() => {
  function Bare() {}
  Bare.prototype = Object.create(null);
  return Bare as unknown as new () => Record<string, Json>;
})();

class JsonReader {
  readonly #text: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #values = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  read(): Json {
    const value = this.#value(0, 'a value');
    this.#skipSpace();
    return this.#at < this.#text.length ? this.#refuse('the end') : value;
  }

  /** @param expected what may be here, in words. */
  #value(depth: number, expected: string): Json {
    if (++this.#values > this.#limits.values)
      throw new JsonError(`holds more than ${this.#limits.values} values`);
    this.#skipSpace();
    const first = this.#text.charCodeAt(this.#at);
    if (first === OBJECT || first === ARRAY) {
      if (depth === this.#limits.depth) throw new JsonError(`nests deeper than ${this.#limits.depth}`);
      return first === OBJECT ? this.#object(depth + 1) : this.#array(depth + 1);
    }
    if (first === QUOTE) return this.#string();
    if (first < LEAST_LETTER) return this.#number(expected);
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#refuse(expected);
  }

  #object(depth: number): JsonObject {
    const object = new Bare();
    this.#at++;
    if (this.#takes(OBJECT_END)) return object;
    let expected = 'a name in double quotes or }';
    do {
      this.#skipSpace();
      if (this.#text.charCodeAt(this.#at) !== QUOTE) this.#refuse(expected);
      const key = this.#string(MAX_KEY_CHARACTERS);
      if (key in object) throw new JsonError(`names ${quoted(key)} twice`);
      if (!this.#takes(COLON)) this.#refuse('a colon');
      object[key] = this.#value(depth, 'a value');
      expected = 'a name in double quotes';
    } while (this.#takes(COMMA));
    if (!this.#takes(OBJECT_END)) this.#refuse('a comma or }');
    return object;
  }

  #array(depth: number): Json[] {
    const array: Json[] = [];
    this.#at++;
    if (this.#takes(ARRAY_END)) return array;
    do array.push(this.#value(depth, array.length ? 'a value' : 'a value or ]'));
    while (this.#takes(COMMA));
    if (!this.#takes(ARRAY_END)) this.#refuse('a comma or ]');
    return array;
  }

  #string(most = this.#text.length): string {
    const start = this.#at + 1;
    let isPlain = true;
    let at = start;
    for (; ; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === QUOTE) break;
      if (Number.isNaN(code) || code < LEAST_IN_STRING)
        this.#refuse('a double quote', Math.min(at, this.#text.length));
      if (code === BACKSLASH) {
        isPlain = false;
        at++;
      }
      if (at - start > most) throw new JsonError(`has a name of more than ${most} characters`);
    }
    const text = this.#text.slice(start, at);
    if (!isPlain) this.#requireEscapes(start, at);
    this.#at = at + 1;
    return isPlain ? text : JSON.parse(`"${text}"`); // A string, so there is no nesting.
  }

  /** @throws JsonSyntaxError unless each backslash in [start, end) begins an escape. */
  #requireEscapes(start: number, end: number): void {
    for (let at = this.#text.indexOf('\\', start); at >= 0 && at < end; ) {
      ESCAPE.lastIndex = at;
      if (!ESCAPE.test(this.#text))
        this.#refuse(String.raw`an escape such as \n, or \\ for a backslash`, at + 1);
      at = this.#text.indexOf('\\', ESCAPE.lastIndex);
    }
  }

  #number(expected: string): number {
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.#text)?.[0];
    if (found === undefined || found.length > MAX_NUMBER_CHARACTERS) return this.#refuse(expected);
    this.#at += found.length;
    return Number(found);
  }

  /** Consumes a character if it is next. */
  #takes(character: number): boolean {
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== character) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #refuse(expected: string, at = this.#at): never {
    throw new JsonSyntaxError(this.#text, at, expected);
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
