import { printableLines } from '../tensor/printable.ts';

/** A picture's text: no name in it has characters that are not seen, or that XML does not allow. */
export function svgOf(plot: Element): string {
  plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return printableLines(plot.outerHTML);
}
