import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { StreamOutput } from '../../src/cli/stream-output.ts';

it('waits for a slow reader', async () => {
  const taken: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => void taken.push(done),
  });
  let written = false;
  const write = new StreamOutput(stream).write('scores').then(() => (written = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toBe(false);
  taken[0]?.();
  await write;
  expect(written).toBe(true);
});

it('takes a reader that went away for the end, without an unhandled error', async () => {
  const stream = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' })),
  });
  const output = new StreamOutput(stream);
  await expect(output.write('scores')).rejects.toMatchObject({ code: 'EPIPE', exitCode: 0 });
  await expect(output.write('more')).rejects.toMatchObject({ code: 'EPIPE', exitCode: 0 });
});

it('fails when the disk is full', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
  });
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(full) });
  await expect(new StreamOutput(stream).write('scores')).rejects.toMatchObject({
    code: 'ENOSPC',
    exitCode: 1,
    message: 'cannot write the output: no space left on device',
  });
});
