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

/**
 * Draws [height, width, channels] bytes, of 1 or 3 channels, at the top left.
 * @param isFaint draws the mean of the colours, neither black nor white: as ground for other colours.
 */
export function drawPixels(
  context: Pick<CanvasRenderingContext2D, 'putImageData'>,
  pixels: ArrayLike<number>,
  {
    width,
    height,
    isFaint = false,
  }: { readonly width: number; readonly height: number; readonly isFaint?: boolean },
): void {
  const channels = pixels.length / (width * height);
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const [red, green, blue] = [0, 1, 2].map((c) => pixels[i * channels + (channels === 3 ? c : 0)]!) as [
      number,
      number,
      number,
    ];
    const grey = 80 + (red + green + blue) / 6;
    image.data.set(isFaint ? [grey, grey, grey, 255] : [red, green, blue, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
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
    drawPixels(canvas.getContext('2d')!, pixels, { width: side, height: side });
  };
  return <canvas class="picture" ref={draw} width={side} height={side} role="img" aria-label={label} />;
}
