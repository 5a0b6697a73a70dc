/** The kinds of tests. */
export const KINDS = ['faults', 'kills', 'locks', 'terminals', 'power', 'files'] as const;
export type Kind = (typeof KINDS)[number];

/** Something was lost, damaged, duplicated, rejected without reason, or hung. */
export interface Fault {
  /** For `--reproduce`. */
  readonly id: string;
  readonly problem: string;
  /** The injected fault. */
  readonly circumstances: string;
  /** Folder with the resulting files. */
  readonly folder?: string;
}

export interface KindResult {
  readonly kind: Kind;
  /** A scenario, or a group of scenarios. */
  readonly name: string;
  readonly tried: number;
  readonly survived: number;
  /** Why it was skipped. */
  readonly skipped?: string;
  /** Measurements. */
  readonly note?: string;
}

export interface Report {
  readonly seed: number;
  readonly results: readonly KindResult[];
  readonly faults: readonly Fault[];
}

interface FindingsOptions {
  /** Called for each new kind of fault. */
  readonly tell?: ((line: string) => void) | undefined;
  /** Findings after its abort are ignored. */
  readonly signal?: AbortSignal | undefined;
}

type Counted = { -readonly [Key in keyof KindResult]: KindResult[Key] };

/** Counts attempts and collects faults. */
export class Findings {
  readonly #results = new Map<string, Counted>();
  readonly #skipped: KindResult[] = [];
  readonly #faults: Fault[] = [];
  readonly #options: FindingsOptions;

  constructor(options: FindingsOptions = {}) {
    this.#options = options;
  }

  /**
   * Records one attempt, or several with a common result.
   * @param problems the faults; empty on success.
   */
  tried(kind: Kind, name: string, problems: readonly Fault[], attempts = 1): void {
    const { tell, signal } = this.#options;
    if (signal?.aborted) return;
    const key = `${kind} ${name}`;
    const result: Counted = this.#results.get(key) ?? { kind, name, tried: 0, survived: 0 };
    this.#results.set(key, result);
    result.tried += attempts;
    if (problems.length === 0) result.survived += attempts;
    for (const fault of problems) {
      if (this.isNew(fault.problem)) tell?.(`${fault.id}: ${fault.problem} (${fault.circumstances})`);
      this.#faults.push(fault);
    }
  }

  isNew(problem: string): boolean {
    return !this.#faults.some((known) => sortOf(known.problem) === sortOf(problem));
  }

  /** Adds measurements to a result. */
  note(kind: Kind, name: string, note: string): void {
    const result = this.#results.get(`${kind} ${name}`);
    if (result) result.note = note;
  }

  skipped(kind: Kind, name: string, reason: string): void {
    this.#skipped.push({ kind, name, tried: 0, survived: 0, skipped: reason });
  }

  report(seed: number): Report {
    const results = [...this.#results.values(), ...this.#skipped].sort(
      (a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.name.localeCompare(b.name),
    );
    return { seed, results, faults: this.#faults };
  }
}

/** The kind of a fault: its message without numbers. */
function sortOf(problem: string): string {
  return problem.replace(/\d+/g, 'N');
}

/** A table of attempts, followed by each kind of fault with examples. */
export function formatReport({ results, faults }: Report): string {
  const rows = results.map(
    ({ kind, name, tried, survived, skipped, note = '' }) =>
      [
        ...[kind, name],
        ...(skipped === undefined ? [`${tried}`, `${survived}`, note] : ['skipped', skipped, '']),
      ] as const,
  );
  const sum = (of: 'tried' | 'survived') => `${results.reduce((all, result) => all + result[of], 0)}`;
  const total = ['all', '', sum('tried'), sum('survived'), ''];
  const lines = table([['kind', 'what', 'tried', 'survived', ''], ...rows, total]);
  const sorts = new Map<string, Fault[]>();
  for (const fault of faults) {
    const sort = sortOf(fault.problem);
    sorts.set(sort, [...(sorts.get(sort) ?? []), fault]);
  }
  const found = [...sorts.values()].sort((a, b) => b.length - a.length);
  for (const same of found) {
    const [{ problem }] = same as [Fault];
    lines.push('', `${same.length} × ${problem}`);
    for (const { id, circumstances } of same.slice(0, 3))
      lines.push(`    --reproduce ${id}  (${circumstances})`);
    const folder = same.find((fault) => fault.folder)?.folder;
    if (folder) lines.push(`    files: ${folder}`);
  }
  return `${lines.join('\n')}\n`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}
