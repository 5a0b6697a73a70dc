import { printableLines } from '../tensor/printable.ts';

/** Serializes a plot to SVG, without invisible characters and characters that XML does not allow. */
export function svgOf(plot: Element): string {
  plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return printableLines(plot.outerHTML);
}
