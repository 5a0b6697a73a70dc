import { quoted, type Refuse } from './error.ts';
import { asNumber, PickleReader } from './pickle-reader.ts';
import {
  isArray,
  isDict,
  isKind,
  type PickleGlobal,
  type PickleKey,
  type PickleValue,
} from './pickle-value.ts';

/** What a pickle may refer to outside itself. */
export interface PickleWorld {
  /** The allow-list: full name → what it is. Everything else is refused by name. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** Resolves a persistent id, or refuses it. */
  readonly persistent: (id: PickleValue) => PickleValue;
  readonly refuse: Refuse;
}

/** A state dict of a thousand tensors takes some fifty thousand. */
const MAX_OPS = 2_000_000;
const MAX_STACK = 200_000;
const MAX_DEPTH = 100;

/** Opcodes that run code of the pickle's choice or that torch.save never writes. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['o', 'OBJ'],
  ['P', 'PERSID'],
  ['S', 'STRING'],
  ['V', 'UNICODE'],
  ['\x82', 'EXT1'],
  ['\x83', 'EXT2'],
  ['\x84', 'EXT4'],
  ['\x8f', 'EMPTY_SET'],
  ['\x90', 'ADDITEMS'],
  ['\x91', 'FROZENSET'],
  ['\x92', 'NEWOBJ_EX'],
  ['\x96', 'BYTEARRAY8'],
  ['\x97', 'NEXT_BUFFER'],
  ['\x98', 'READONLY_BUFFER'],
]);

/**
 * Reads one pickle (https://docs.python.org/3/library/pickletools.html) as plain data. Only globals of the allow-list
 * can be named, only those with a `call` can be called, and objects have no attributes to set. Time and memory are
 * bounded by the number of bytes and of operations, nothing recurses, and nothing is ever a property of an object.
 * @returns the value, and where the pickle ends.
 * @throws TorchFileError naming the global or the opcode that is refused.
 */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  world: PickleWorld,
): { readonly value: PickleValue; readonly end: number } {
  return new Unpickler(bytes, start, world).run();
}

class Unpickler {
  readonly #in: PickleReader;
  readonly #world: PickleWorld;
  readonly #refuse: Refuse;
  readonly #stack: PickleValue[] = [];
  /** Heights of the stack at its marks. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  /** How deep containers are nested. */
  readonly #depths = new WeakMap<object, number>();

  constructor(bytes: Uint8Array, start: number, world: PickleWorld) {
    this.#in = new PickleReader(bytes, start, world.refuse);
    this.#world = world;
    this.#refuse = world.refuse;
  }

  run(): { value: PickleValue; end: number } {
    for (let ops = 0; ops < MAX_OPS; ops++) {
      const code = String.fromCharCode(this.#in.u8());
      if (code === '.') return { value: this.#pop(), end: this.#in.at };
      this.#step(code);
      if (this.#stack.length + this.#marks.length > MAX_STACK)
        this.#refuse(`the pickle holds more than ${MAX_STACK} values at once`);
    }
    return this.#refuse(`the pickle takes more than ${MAX_OPS} operations`);
  }

  #step(code: string): void {
    const input = this.#in;
    switch (code) {
      case '\x80': {
        const protocol = input.u8();
        if (protocol > 5) this.#refuse(`pickle protocol ${protocol} is not known: at most 5`);
        return;
      }
      case '\x95': // FRAME: a hint for readers of streams.
        return void input.u64();
      case '(':
        return void this.#marks.push(this.#stack.length);
      case '0':
        return this.#drop();
      case '1':
        return void this.#popMark();
      case '2':
        return this.#push(this.#top());

      case 'N':
        return this.#push(null);
      case '\x88':
        return this.#push(true);
      case '\x89':
        return this.#push(false);
      case 'J':
        return this.#push(input.i32());
      case 'K':
        return this.#push(input.u8());
      case 'M':
        return this.#push(input.u16());
      case '\x8a':
        return this.#push(input.integer(input.u8()));
      case '\x8b':
        return this.#push(input.integer(input.i32()));
      case 'I':
        return this.#push(this.#integerLine(input.line()));
      case 'L':
        return this.#push(this.#integerLine(input.line().replace(/L$/, '')));
      case 'G':
        return this.#push(input.f64());
      case 'F':
        return this.#push(this.#floatLine(input.line()));

      case 'X':
      case 'T':
        return this.#push(input.text(input.u32()));
      case '\x8c':
      case 'U':
        return this.#push(input.text(input.u8()));
      case '\x8d':
        return this.#push(input.text(input.u64()));
      case 'B':
        return this.#push(input.bytes(input.u32()));
      case 'C':
        return this.#push(input.bytes(input.u8()));
      case '\x8e':
        return this.#push(input.bytes(input.u64()));

      case ']':
        return this.#push([]);
      case 'l':
        return this.#push(this.#holding([], this.#popMark()));
      case 'a':
        return this.#append([this.#pop()]);
      case 'e':
        return this.#append(this.#popMark());
      case ')':
        return this.#push(Object.freeze([]));
      case 't':
        return this.#push(this.#tuple(this.#popMark()));
      case '\x85':
        return this.#push(this.#tuple(this.#popSome(1)));
      case '\x86':
        return this.#push(this.#tuple(this.#popSome(2)));
      case '\x87':
        return this.#push(this.#tuple(this.#popSome(3)));
      case '}':
        return this.#push(new Map());
      case 'd': {
        const pairs = this.#popMark();
        this.#push(new Map());
        return this.#setItems(pairs);
      }
      case 's':
        return this.#setItems(this.#popSome(2));
      case 'u':
        return this.#setItems(this.#popMark());

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
        return this.#push(this.#global(input.line(), input.line()));
      case '\x93': {
        const [module, name] = this.#popSome(2);
        if (typeof module !== 'string' || typeof name !== 'string')
          return this.#refuse('damaged pickle: the name of a global is no text');
        return this.#push(this.#global(module, name));
      }
      case 'i':
        this.#global(input.line(), input.line());
        return this.#refuse('the pickle makes an object by the opcode INST, which is not allowed');
      case 'R':
        return this.#push(this.#call(...(this.#popSome(2) as [PickleValue, PickleValue])));
      case '\x81': {
        const [made] = this.#popSome(2);
        const name = isKind(made, 'global') ? made.name : 'what is no class';
        return this.#refuse(
          `the pickle makes an object of ${name} by the opcode NEWOBJ, which is not allowed`,
        );
      }
      case 'b':
        return this.#build();
      case 'Q':
        return this.#push(this.#world.persistent(this.#pop()));
      default: {
        const name = REFUSED.get(code);
        if (name) this.#refuse(`the pickle uses the opcode ${name}, which is not allowed`);
        const hex = code.charCodeAt(0).toString(16).padStart(2, '0');
        return this.#refuse(`damaged pickle: 0x${hex} at byte ${this.#in.at - 1} is no opcode`);
      }
    }
  }

  #global(module: string, name: string): PickleGlobal {
    const full = `${module}.${name}`;
    return (
      this.#world.globals.get(full) ??
      this.#refuse(
        `the pickle asks for ${quoted(full)}, which is not allowed: only tensors and plain containers are read ` +
          '(a file you trust can be saved anew with PyTorch: torch.save(model.state_dict(), …))',
      )
    );
  }

  #call(callee: PickleValue, args: PickleValue): PickleValue {
    if (!isKind(callee, 'global')) return this.#refuse('the pickle calls what is no function');
    if (!callee.call) return this.#refuse(`the pickle calls ${callee.name}, which is not allowed`);
    if (!isArray(args)) return this.#refuse(`the pickle calls ${callee.name} without arguments`);
    return this.#nested(callee.call(args), args);
  }

  /** Attributes of objects: all that torch.save writes are the versions of a state dict's modules. They are left out. */
  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    const isMetadata = isDict(state) && [...state.keys()].every((key) => key === '_metadata');
    if (isDict(target) && isMetadata) return;
    this.#refuse('the pickle sets the state of an object by the opcode BUILD, which is not allowed');
  }

  #setItems(pairs: readonly PickleValue[]): void {
    const target = this.#top();
    if (!isDict(target)) return this.#refuse('damaged pickle: items are set of what is no dict');
    if (pairs.length % 2 !== 0) this.#refuse('damaged pickle: a key has no value');
    for (let i = 0; i < pairs.length; i += 2) addItem(target, pairs[i]!, pairs[i + 1]!, this.#refuse);
    this.#nested(target, pairs);
  }

  #append(items: readonly PickleValue[]): void {
    const target = this.#top();
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

  /** Bounds how deep containers lie in each other, as far as they do when they are put there. */
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
    this.#memo.set(index as number, this.#top());
  }

  #recall(index: PickleValue): void {
    const value = this.#memo.get(index as number);
    if (value === undefined) return this.#refuse(`damaged pickle: memo ${index} was never set`);
    this.#push(value);
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

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    return this.#popSome(1)[0]!;
  }

  #popSome(count: number): PickleValue[] {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0))
      this.#refuse('damaged pickle: it takes more values than there are');
    return this.#stack.splice(this.#stack.length - count);
  }

  #popMark(): PickleValue[] {
    const height = this.#marks.pop() ?? this.#refuse('damaged pickle: a mark is missing');
    return this.#stack.splice(height);
  }

  #drop(): void {
    if (this.#marks.length > 0 && this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.#pop();
  }

  #top(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0))
      this.#refuse('damaged pickle: it takes more values than there are');
    return this.#stack.at(-1)!;
  }
}

/** Adds to a dict; no key twice, and only keys that are plain values. */
export function addItem(
  dict: Map<PickleKey, PickleValue>,
  key: PickleValue,
  value: PickleValue,
  refuse: Refuse,
): void {
  if (typeof key === 'object' && key !== null) return refuse('a dict has a key that is no plain value');
  if (dict.has(key)) refuse(`a dict names ${quoted(String(key))} twice`);
  dict.set(key, value);
}
