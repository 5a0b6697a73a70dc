import { parseHTML } from 'linkedom';

/** An empty document to draw in: Node has none. */
export function newDocument(): Document {
  return parseHTML('<!doctype html><html><body></body></html>').document;
}
