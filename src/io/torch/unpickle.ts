import { quoted } from '../quoted.ts';
import type { Refuse } from './error.ts';
import { asNumber, PickleReader } from './pickle-reader.ts';
import { PickleStack } from './pickle-stack.ts';
import {
  isArray,
  isDict,
  isKind,
  type PickleGlobal,
  type PickleKey,
  type PickleValue,
  type Placeholder,
} from './pickle-value.ts';

/** Resolves references of a pickle to objects outside it. */
export interface PickleWorld {
  /** Resolves a qualified name, or rejects it. */
  readonly global: (name: string) => PickleGlobal;
  /** Resolves a persistent id, or rejects it. */
  readonly persistent: (id: PickleValue) => PickleValue;
  readonly refuse: Refuse;
}

/** Limit on executed opcodes; a state dict with a thousand tensors needs about fifty thousand. */
const MAX_OPS = 2_000_000;
const MAX_STACK = 200_000;
/** Limit on dicts: an empty one takes one byte of the file and about 200 bytes of memory. */
const MAX_DICTS = 2 ** 18;
const MAX_DEPTH = 100;
const MAX_NAME_CHARACTERS = 512;

/** Opcodes that torch.save never writes: those of protocol 0, extension registries and out-of-band buffers. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['P', 'PERSID'],
  ['S', 'STRING'],
  ['V', 'UNICODE'],
  ['\x82', 'EXT1'],
  ['\x83', 'EXT2'],
  ['\x84', 'EXT4'],
  ['\x97', 'NEXT_BUFFER'],
  ['\x98', 'READONLY_BUFFER'],
]);

/**
 * Decodes one pickle (https://docs.python.org/3/library/pickletools.html) as plain data. Only globals with a
 * `call` are called, and these create only data. Objects of other classes, and results of other functions, become
 * placeholders; attributes are never set. Time and memory are bounded by the number of bytes and opcodes. Not
 * recursive; names from the file never become properties of JavaScript objects.
 * @returns the value, and the offset after the pickle.
 * @throws TorchFileError if the pickle is damaged or too large.
 */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  world: PickleWorld,
): { readonly value: PickleValue; readonly end: number } {
  return new Unpickler(bytes, start, world).run();
}

/** A placeholder under construction. */
type OwnPlaceholder = { -readonly [Key in keyof Placeholder]: Placeholder[Key] };

class Unpickler {
  readonly #in: PickleReader;
  readonly #world: PickleWorld;
  readonly #refuse: Refuse;
  readonly #stack: PickleStack;
  readonly #memo = new Map<number, PickleValue>();
  /** One per name. */
  readonly #placeholders = new Map<string, OwnPlaceholder>();
  #dicts = 0;
  /** Nesting depth of containers. */
  readonly #depths = new WeakMap<object, number>();

  constructor(bytes: Uint8Array, start: number, world: PickleWorld) {
    this.#in = new PickleReader(bytes, start, world.refuse);
    this.#world = world;
    this.#refuse = world.refuse;
    this.#stack = new PickleStack(world.refuse);
  }

  run(): { value: PickleValue; end: number } {
    for (let ops = 0; ops < MAX_OPS; ops++) {
      const code = String.fromCharCode(this.#in.u8());
      if (code === '.') return { value: this.#stack.pop(), end: this.#in.at };
      this.#step(code);
      if (this.#stack.size > MAX_STACK)
        this.#refuse(`the pickle holds more than ${MAX_STACK} values at once`);
    }
    return this.#refuse(`the pickle takes more than ${MAX_OPS} operations`);
  }

  #step(code: string): void {
    const input = this.#in;
    const stack = this.#stack;
    switch (code) {
      case '\x80': {
        const protocol = input.u8();
        if (protocol > 5) this.#refuse(`pickle protocol ${protocol} is not known: at most 5`);
        return;
      }
      case '\x95': // FRAME: a hint for buffered readers.
        return void input.u64();
      case '(':
        return this.#stack.mark();
      case '0':
        return stack.drop();
      case '1':
        return void stack.popMark();
      case '2':
        return stack.push(stack.top());

      case 'N':
        return stack.push(null);
      case '\x88':
        return stack.push(true);
      case '\x89':
        return stack.push(false);
      case 'J':
        return stack.push(input.i32());
      case 'K':
        return stack.push(input.u8());
      case 'M':
        return stack.push(input.u16());
      case '\x8a':
        return stack.push(input.integer(input.u8()));
      case '\x8b':
        return stack.push(input.integer(input.i32()));
      case 'I':
        return stack.push(this.#integerLine(input.line()));
      case 'L':
        return stack.push(this.#integerLine(input.line().replace(/L$/, '')));
      case 'G':
        return stack.push(input.f64());
      case 'F':
        return stack.push(this.#floatLine(input.line()));

      case 'X':
      case 'T':
        return stack.push(input.text(input.u32()));
      case '\x8c':
      case 'U':
        return stack.push(input.text(input.u8()));
      case '\x8d':
        return stack.push(input.text(input.u64()));
      case 'B':
        return stack.push(input.bytes(input.u32()));
      case 'C':
        return stack.push(input.bytes(input.u8()));
      case '\x8e':
      case '\x96':
        return stack.push(input.bytes(input.u64()));

      case ']':
        return stack.push([]);
      case 'l':
        return stack.push(this.#holding([], stack.popMark()));
      case 'a':
        return this.#append([stack.pop()]);
      case 'e':
        return this.#append(stack.popMark());
      case ')':
        return stack.push(Object.freeze([]));
      case 't':
        return stack.push(this.#tuple(stack.popMark()));
      case '\x85':
        return stack.push(this.#tuple(stack.popSome(1)));
      case '\x86':
        return stack.push(this.#tuple(stack.popSome(2)));
      case '\x87':
        return stack.push(this.#tuple(stack.popSome(3)));
      case '}':
        return stack.push(this.#newDict());
      case 'd': {
        const pairs = stack.popMark();
        stack.push(this.#newDict());
        return this.#setItems(pairs);
      }
      case 's':
        return this.#setItems(stack.popSome(2));
      case 'u':
        return this.#setItems(stack.popMark());

      case '\x8f':
        return stack.push(this.#placeholder('set'));
      case '\x90':
        return this.#addToSet(stack.popMark());
      case '\x91':
        stack.popMark();
        return stack.push(this.#placeholder('frozenset'));

      case 'p':
        return this.#remember(this.#integerLine(input.line()));
      case 'q':
        return this.#remember(input.u8());
      case 'r':
        return this.#remember(input.u32());
      case '\x94':
        return this.#remember(this.#memo.size);
      case 'g':
        return this.#recall(this.#integerLine(input.line()));
      case 'h':
        return this.#recall(input.u8());
      case 'j':
        return this.#recall(input.u32());

      case 'c':
        return stack.push(this.#global(input.line(), input.line()));
      case '\x93': {
        const [module, name] = stack.popSome(2);
        if (typeof module !== 'string' || typeof name !== 'string')
          return this.#refuse('damaged pickle: the name of a global is no text');
        return stack.push(this.#global(module, name));
      }
      case 'R':
        return stack.push(this.#call(...(stack.popSome(2) as [PickleValue, PickleValue])));
      case '\x81':
        return stack.push(this.#placeholderFor(stack.popSome(2)[0]!));
      case '\x92':
        return stack.push(this.#placeholderFor(stack.popSome(3)[0]!));
      case 'o': {
        const [made] = stack.popMark();
        return stack.push(this.#placeholderFor(made ?? null));
      }
      case 'i': {
        const made = this.#global(input.line(), input.line());
        stack.popMark();
        return stack.push(this.#placeholderFor(made));
      }
      case 'b':
        return this.#build();
      case 'Q':
        return stack.push(this.#world.persistent(stack.pop()));
      default: {
        const name = REFUSED.get(code);
        if (name) this.#refuse(`the pickle uses the opcode ${name}, which is not allowed`);
        const hex = code.charCodeAt(0).toString(16).padStart(2, '0');
        return this.#refuse(`damaged pickle: 0x${hex} at byte ${this.#in.at - 1} is no opcode`);
      }
    }
  }

  #global(module: string, name: string): PickleGlobal {
    if (module.length + name.length > MAX_NAME_CHARACTERS)
      this.#refuse(`the pickle names a class in more than ${MAX_NAME_CHARACTERS} characters`);
    return this.#world.global(`${module}.${name}`);
  }

  #call(callee: PickleValue, args: PickleValue): PickleValue {
    if (!isArray(args)) return this.#refuse('damaged pickle: a call has no arguments');
    if (!isKind(callee, 'global') || !callee.call) return this.#placeholderFor(callee);
    return this.#nested(callee.call(args), args);
  }

  /** The placeholder for the result of calling a class, a function or a placeholder. */
  #placeholderFor(maker: PickleValue): Placeholder {
    if (isKind(maker, 'global') || isKind(maker, 'placeholder')) return this.#placeholder(maker.name);
    return this.#refuse('the pickle calls what is no function');
  }

  #placeholder(name: string): OwnPlaceholder {
    const placeholder: OwnPlaceholder = this.#placeholders.get(name) ?? {
      kind: 'placeholder',
      name,
      isModule: false,
    };
    this.#placeholders.set(name, placeholder);
    return placeholder;
  }

  /** BUILD, which sets attributes: they are discarded, because no supported object has any. */
  #build(): void {
    const state = this.#stack.pop();
    const target = this.#stack.top();
    if (isKind(target, 'placeholder') && isDict(state) && state.has('_modules') && state.has('_parameters'))
      this.#placeholder(target.name).isModule = true;
  }

  #addToSet(_: readonly PickleValue[]): void {
    if (!isKind(this.#stack.top(), 'placeholder'))
      this.#refuse('damaged pickle: items are added to what is no set');
  }

  #newDict(): PickleValue {
    if (++this.#dicts > MAX_DICTS) this.#refuse(`the pickle makes more than ${MAX_DICTS} dicts`);
    return new Map();
  }

  #setItems(pairs: readonly PickleValue[]): void {
    const target = this.#stack.top();
    if (pairs.length % 2 !== 0) this.#refuse('damaged pickle: a key has no value');
    if (isKind(target, 'placeholder')) return;
    if (!isDict(target)) return this.#refuse('damaged pickle: items are set of what is no dict');
    for (let i = 0; i < pairs.length; i += 2) addItem(target, pairs[i]!, pairs[i + 1]!, this.#refuse);
    this.#nested(target, pairs);
  }

  #append(items: readonly PickleValue[]): void {
    const target = this.#stack.top();
    if (isKind(target, 'placeholder')) return;
    if (!isArray(target) || Object.isFrozen(target))
      return this.#refuse('damaged pickle: items are appended to what is no list');
    this.#holding(target as PickleValue[], items);
  }

  #holding(list: PickleValue[], items: readonly PickleValue[]): PickleValue {
    for (const item of items) list.push(item);
    return this.#nested(list, items);
  }

  #tuple(items: readonly PickleValue[]): PickleValue {
    return this.#nested(Object.freeze(items), items);
  }

  /** Limits the nesting depth of containers, at the time of insertion. */
  #nested(container: PickleValue, items: readonly PickleValue[]): PickleValue {
    if (typeof container !== 'object' || container === null) return container;
    let depth = this.#depths.get(container) ?? 1;
    for (const item of items) {
      if (typeof item === 'object' && item !== null)
        depth = Math.max(depth, (this.#depths.get(item) ?? 0) + 1);
    }
    if (depth > MAX_DEPTH) this.#refuse(`the pickle nests its containers deeper than ${MAX_DEPTH}`);
    this.#depths.set(container, depth);
    return container;
  }

  #remember(index: PickleValue): void {
    if (typeof index !== 'number' || index < 0) this.#refuse('damaged pickle: a memo has no number');
    this.#memo.set(index as number, this.#stack.top());
  }

  #recall(index: PickleValue): void {
    const value = this.#memo.get(index as number);
    if (value === undefined) return this.#refuse(`damaged pickle: memo ${index} was never set`);
    this.#stack.push(value);
  }

  #integerLine(text: string): number | bigint | boolean {
    if (text === '00' || text === '01') return text === '01';
    if (!/^-?\d{1,39}$/.test(text)) return this.#refuse('damaged pickle: a line is no whole number');
    return asNumber(BigInt(text));
  }

  #floatLine(text: string): number {
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value)) this.#refuse('damaged pickle: a line is no number');
    return value;
  }
}

/** Adds an item to a dict; duplicate keys are errors. Items whose keys are not plain values are skipped. */
export function addItem(
  dict: Map<PickleKey, PickleValue>,
  key: PickleValue,
  value: PickleValue,
  refuse: Refuse,
): void {
  if (typeof key === 'object' && key !== null) return;
  if (dict.has(key)) refuse(`a dict names ${quoted(String(key))} twice`);
  dict.set(key, value);
}
