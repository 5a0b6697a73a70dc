import { useEffect, useRef, useState } from 'preact/hooks';
import { PLAN_BUFFER } from '../../src/live/protocol.ts';
import type { RunView } from '../../src/live/run-view.ts';
import { formatBytes } from '../app/format.ts';
import { text } from '../text/text.ts';
import { Empty, Scroll } from './parts.tsx';
import type { TabProps } from './run.tsx';

type Plan = NonNullable<RunView['plan']>;

interface Buffer {
  readonly first: number;
  readonly last: number;
  readonly offset: number;
  readonly bytes: number;
  readonly role: number;
  readonly reason: string;
}

const HEIGHT = 320;
const COLOURS = ['--c1', '--c2', '--c3', '--c4', '--c5', '--c6', '--c7', '--c8'];
const colourOf = (role: number) => COLOURS[role % COLOURS.length]!;

function buffersOf({ buffers, reasons }: Plan): readonly Buffer[] {
  return Array.from({ length: Math.floor(buffers.length / PLAN_BUFFER.length) }, (_, i) => {
    const [first, last, offset, bytes, role, reason] = buffers.slice(i * PLAN_BUFFER.length) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return { first, last, offset, bytes, role, reason: reasons[reason] ?? '' };
  });
}

/** The arena of a step: what lies where, when; and, at a cursor, what is in use. */
export function MemoryTab({ view }: TabProps) {
  const t = text();
  const { plan } = view;
  const [cursor, setCursor] = useState(plan?.peakRecord ?? 0);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    if (!plan || !element) return;
    const draw = () => drawArena(element, plan, cursor);
    draw();
    const sizes = new ResizeObserver(draw);
    sizes.observe(element);
    const themes = new MutationObserver(draw);
    themes.observe(document.documentElement, { attributes: true });
    return () => {
      sizes.disconnect();
      themes.disconnect();
    };
  }, [plan, cursor]);
  if (!plan) return <Empty>{t.memoryEmpty}</Empty>;
  const records = plan.records.length;
  const at = Math.min(cursor, records - 1);
  const live = buffersOf(plan).filter(({ first, last }) => first <= at && at <= last);
  const inUse = live.reduce((sum, { bytes }) => sum + bytes, 0);
  const phase = at >= plan.updateFrom ? t.update : at >= plan.backwardFrom ? t.backward : t.forward;
  const moveTo = (to: number) => setCursor(Math.min(records - 1, Math.max(0, to)));
  const walk = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -records, End: records }[
      event.key
    ];
    if (by === undefined) return;
    event.preventDefault();
    moveTo(at + by);
  };
  const point = (event: MouseEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    moveTo(Math.floor(((event.clientX - box.left) / box.width) * records));
  };
  const said = t.memoryAt(at, t.planPart(plan.parts[plan.records[at]!] ?? ''), phase, formatBytes(inUse));
  return (
    <div>
      <p class="note">
        {t.memorySummary(
          formatBytes(plan.plannedPeakBytes),
          formatBytes(plan.arenaBytes),
          formatBytes(plan.persistentBytes),
          `${plan.threads} × ${formatBytes(plan.scratchBytes)}`,
        )}
      </p>
      <ul class="legend">
        {plan.roles.map((role, i) => (
          <li key={role}>
            <svg width="14" height="14" aria-hidden="true">
              <rect width="14" height="14" rx="3" fill={`var(${colourOf(i)})`} />
            </svg>
            {t.planRole(role)}
          </li>
        ))}
      </ul>
      <canvas
        ref={canvas}
        class="arena"
        role="slider"
        tabIndex={0}
        aria-label={`${t.memoryPicture} ${t.memoryKeys}`}
        aria-valuemin={0}
        aria-valuemax={records - 1}
        aria-valuenow={at}
        aria-valuetext={said}
        onKeyDown={walk}
        onMouseMove={point}
        onClick={point}
      />
      <output class="reading">{said}</output>
      <h2>{t.atCursor}</h2>
      <Scroll>
        <table>
          <thead>
            <tr>
              <th scope="col">{t.buffer}</th>
              <th scope="col">{t.bytes}</th>
            </tr>
          </thead>
          <tbody>
            {[...live]
              .sort((a, b) => b.bytes - a.bytes)
              .slice(0, 12)
              .map((buffer, i) => (
                <tr key={i}>
                  <th scope="row">{t.planReason(buffer.reason)}</th>
                  <td>{formatBytes(buffer.bytes)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </Scroll>
    </div>
  );
}

function drawArena(canvas: HTMLCanvasElement, plan: Plan, cursor: number): void {
  const [width, scale] = [canvas.clientWidth, devicePixelRatio];
  if (width === 0) return;
  canvas.width = width * scale;
  canvas.height = HEIGHT * scale;
  const context = canvas.getContext('2d')!;
  context.scale(scale, scale);
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  context.fillStyle = colour('--raised');
  context.fillRect(0, 0, width, HEIGHT);
  const records = Math.max(1, plan.records.length);
  const x = (record: number) => (width * record) / records;
  const y = (bytes: number) => HEIGHT - (HEIGHT * bytes) / Math.max(1, plan.arenaBytes);
  for (const { first, last, offset, bytes, role } of buffersOf(plan)) {
    const [left, right, top, bottom] = [
      x(first),
      x(Math.min(last + 1, records)),
      y(offset + bytes),
      y(offset),
    ];
    context.fillStyle = colour(colourOf(role));
    const gap = bottom - top > 3 && right - left > 3 ? 0.5 : 0;
    context.fillRect(left, top + gap, Math.max(0.5, right - left - gap), Math.max(0.3, bottom - top - gap));
  }
  context.strokeStyle = colour('--text');
  for (const border of [plan.backwardFrom, plan.updateFrom]) {
    context.setLineDash([3, 4]);
    context.beginPath();
    context.moveTo(x(border), 0);
    context.lineTo(x(border), HEIGHT);
    context.stroke();
  }
  context.setLineDash([]);
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x(cursor + 0.5), 0);
  context.lineTo(x(cursor + 0.5), HEIGHT);
  context.stroke();
}
