import { parentPort } from 'node:worker_threads';

/**
 * A worker that counts for the number of milliseconds in a message, and replies with the count. Eight independent
 * chains saturate the multiplier, so that two hardware threads of one core are not faster than one.
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
