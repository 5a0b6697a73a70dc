import { parseHTML } from 'linkedom';

/** An empty DOM document for plots, because Node has none. */
export function newDocument(): Document {
  return parseHTML('<!doctype html><html><body></body></html>').document;
}
