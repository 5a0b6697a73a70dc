import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DATA_TYPES, EXTERNAL } from '../../src/io/onnx/schema.ts';
import { readWeights, readWeightsFile } from '../../src/node/weights-file.ts';
import { messageType } from '../support/onnx-messages.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'densor-test-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string) => join(folder, name);

describe.skipIf(process.platform === 'win32')('a file of weights is refused if it is:', () => {
  test('a folder', async () => {
    await expect(readWeights(folder)).rejects.toThrow(/is a folder: expected a file of weights$/);
  });

  test('a pipe, without waiting for its writer', async () => {
    execFileSync('mkfifo', [path('pipe')]);
    await expect(readWeights(path('pipe'))).rejects.toThrow(/pipe is a pipe: expected a file of weights$/);
  });

  test('a socket', async () => {
    const server = createServer().listen(path('socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    await expect(readWeights(path('socket'))).rejects.toThrow(/socket is a socket/);
    await new Promise((resolve) => server.close(resolve));
  });

  test('a device that never ends, under its own name or by a link', async () => {
    symlinkSync('/dev/zero', path('net.pth'));
    await expect(readWeights('/dev/zero')).rejects.toThrow(
      '/dev/zero is a device: expected a file of weights',
    );
    await expect(readWeights(path('net.pth'))).rejects.toThrow(/net\.pth is a device/);
  });
});

describe('the external data of an ONNX file', () => {
  const onnx = (location: string) => {
    const initializer = [
      {
        ...{ name: 'w', dims: [2], data_type: DATA_TYPES.FLOAT, data_location: EXTERNAL },
        external_data: [{ key: 'location', value: location }],
      },
    ];
    writeFileSync(
      path('in/x.onnx'),
      messageType('ModelProto').encode({ ir_version: 8, graph: { initializer } }).finish(),
    );
  };
  beforeEach(() => {
    mkdirSync(path('in'));
    for (const name of ['in/x.onnx.data', 'out.data']) writeFileSync(path(name), Float32Array.of(1, 2));
  });

  test('is read, and included in the bytes of the weights', async () => {
    onnx('x.onnx.data');
    const { weights, parts } = await readWeightsFile(path('in/x.onnx'));
    expect(weights.tensors.get('w')!.read()).toEqual(Float32Array.of(1, 2));
    expect(parts.map(({ length }) => length)).toEqual([expect.any(Number), 8]);
  });

  test.each([
    [
      'a path upwards',
      '../out.data',
      /data in \.\.\/out\.data, which is a path: expected the name of a file in the same/,
    ],
    ['a path from the root', '/etc/passwd', /which is a path/],
    ['a path downwards', 'a/b', /which is a path/],
    ['a path of Windows', 'a\\b', /which is a path/],
    ['the folder', '.', /which is a path/],
    ['the folder above', '..', /which is a path/],
    ['nothing', '', /which is a path/],
    ['a name that ends early', 'x.onnx.data\0', /which is a path/],
  ])('is refused in %s', async (_, location, message) => {
    onnx(location);
    await expect(readWeights(path('in/x.onnx'))).rejects.toThrow(message);
  });

  test('is reported if missing, and refused if not a file or a link to another folder', async () => {
    onnx('gone.data');
    await expect(readWeights(path('in/x.onnx'))).rejects.toThrow(
      expect.objectContaining({ code: 'ENOENT', path: path('in/gone.data') }),
    );
    onnx('link.data');
    symlinkSync('../out.data', path('in/link.data'));
    await expect(readWeights(path('in/x.onnx'))).rejects.toThrow(/link\.data, a link to another folder/);
    onnx('folder');
    mkdirSync(path('in/folder'));
    await expect(readWeights(path('in/x.onnx'))).rejects.toThrow(/folder is a folder/);
    onnx('inner.data');
    symlinkSync('x.onnx.data', path('in/inner.data'));
    expect((await readWeights(path('in/x.onnx'))).tensors.get('w')!.read()).toEqual(Float32Array.of(1, 2));
  });
});
