import { parentPort } from 'node:worker_threads';

/**
 * Counts for as many milliseconds as a message asks, and answers with the count. Eight independent chains keep the
 * multiplier busy in every cycle, so that two threads of one core show as one core.
 */
parentPort!.on('message', (ms: number) => {
  const until = performance.now() + ms;
  let [count, a, b, c, d, e, f, g, h] = [0, 1, 3, 5, 7, 9, 11, 13, 15];
  do {
    for (let i = 0; i < 20_000; i++) {
      [a, b] = [Math.imul(a, 0x9e3779b1), Math.imul(b, 0x85ebca77)];
      [c, d] = [Math.imul(c, 0xc2b2ae3d), Math.imul(d, 0x27d4eb2f)];
      [e, f] = [Math.imul(e, 0x165667b1), Math.imul(f, 0x9e3779b1)];
      [g, h] = [Math.imul(g, 0x85ebca77), Math.imul(h, 0xc2b2ae3d)];
    }
    count++;
  } while (performance.now() < until);
  parentPort!.postMessage({ count, sink: a ^ b ^ c ^ d ^ e ^ f ^ g ^ h });
});
