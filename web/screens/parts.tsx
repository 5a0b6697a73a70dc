import type { ComponentChildren } from 'preact';
import type { Phase } from '../../src/live/protocol.ts';
import { text } from '../text/text.ts';

/** A run's state: a word and a mark, which differ not by their colour alone. */
export function PhaseMark({ phase, testId }: { readonly phase: Phase; readonly testId?: string }) {
  return (
    <span class={`phase phase-${phase}`} data-testid={testId} data-phase={phase}>
      {text()[phase]}
    </span>
  );
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** A table that may be wider than the screen: scrolled by keys too. */
export function Scroll({ children }: { readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table is in it.
    <div
      class="scroll"
      role="group"
      aria-label={text().asTable}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled with the arrow keys.
      tabIndex={0}
    >
      {children}
    </div>
  );
}

/** A command to copy. */
export function CommandLine({ children }: { readonly children: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled with the arrow keys.
    <pre class="command" tabIndex={0}>
      <code>{children}</code>
    </pre>
  );
}

/** A picture of a few pixels, drawn as they are. */
export function Picture({
  pixels,
  side,
  channels,
  label,
}: {
  readonly pixels: Uint8Array;
  readonly side: number;
  readonly channels: number;
  readonly label: string;
}) {
  const draw = (canvas: HTMLCanvasElement | null) => {
    if (!canvas || side < 1 || pixels.length !== side * side * channels) return;
    const image = new ImageData(side, side);
    for (let i = 0; i < side * side; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[i * channels + (channels === 3 ? c : 0)]!;
      image.data[4 * i + 3] = 255;
    }
    canvas.getContext('2d')!.putImageData(image, 0, 0);
  };
  return <canvas class="picture" ref={draw} width={side} height={side} role="img" aria-label={label} />;
}
