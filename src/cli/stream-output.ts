import type { Writable } from 'node:stream';
import { CommandError, systemError } from './command-error.ts';
import type { Output } from './output.ts';

/** Written as it comes; what went out cannot be taken back. */
export class StreamOutput implements Output {
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
    // The callback of the write gets the error; without a listener it would end the process as
    // well.
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  }

  /** @throws CommandError EPIPE, with exit code 0: the reader has seen enough, as `head` does */
  async write(text: string): Promise<void> {
    if (text === '') return;
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(text, (error) => (error ? reject(writeError(error)) : resolve()));
    });
  }

  async commit(): Promise<void> {
    if (isStandard(this.#stream)) return;
    await new Promise<void>((resolve, reject) => {
      this.#stream.once('error', (error) => reject(writeError(error)));
      this.#stream.end(resolve);
    });
  }

  async discard(): Promise<void> {
    if (!isStandard(this.#stream)) this.#stream.destroy();
  }
}

/** To standard output. */
export function print(text: string): Promise<void> {
  return new StreamOutput(process.stdout).write(text);
}

function ignore(): void {}

function isStandard(stream: Writable): boolean {
  return stream === process.stdout || stream === process.stderr;
}

function writeError(error: Error): CommandError {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') {
    return new CommandError('EPIPE', 'the reader went away', { exitCode: 0, cause: error });
  }
  return systemError('cannot write the output', error);
}
