/**
 * Whether a secret can be read anywhere: in what a store gives, throws, reports, prints or shows of
 * itself.
 */

import diagnostics from 'node:diagnostics_channel';
import { inspect } from 'node:util';

const CHANNELS = ['redirect', 'retry', 'timeout', 'failure', 'connection-lost', 'refresh'];

/**
 * Collects all that is reported on diagnostics channels, and all that is printed, until it is disposed
 * of.
 */
export class SecretWatch implements Disposable {
  readonly #secrets: readonly string[];
  readonly #heard: unknown[] = [];
  readonly #found = new Set<string>();
  readonly #streams = [process.stdout, process.stderr].map((stream) => ({
    stream,
    write: stream.write,
  }));
  looked = 0;

  /** @param secrets as they are, and as they are when escaped or encoded */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets.flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ]);
    for (const name of CHANNELS) {
      diagnostics.subscribe(`cluster-feature-store:${name}`, this.#hear);
    }
    for (const { stream, write } of this.#streams) {
      stream.write = (...args: unknown[]): boolean => {
        this.look('what is printed', args[0]);
        return Reflect.apply(write, stream, args) as boolean;
      };
    }
    process.on('warning', this.#hear);
  }

  /** Looks into all of it: hidden properties, causes, stacks, and whatever hangs on it. */
  look(what: string, thing: unknown): void {
    this.looked++;
    const shown = [
      typeof thing === 'string' ? thing : '',
      inspect(thing, { depth: 30, showHidden: true, maxArrayLength: null, maxStringLength: null }),
      jsonOf(thing),
      ...textsOf(thing),
    ];
    if (shown.some((text) => this.#secrets.some((secret) => text.includes(secret)))) {
      this.#found.add(what);
    }
  }

  get heardCount(): number {
    return this.#heard.length;
  }

  /** Where a secret was seen. */
  get found(): string[] {
    for (const event of this.#heard) this.look('a diagnostics channel or a warning', event);
    return [...this.#found];
  }

  [Symbol.dispose](): void {
    for (const name of CHANNELS) {
      diagnostics.unsubscribe(`cluster-feature-store:${name}`, this.#hear);
    }
    for (const { stream, write } of this.#streams) stream.write = write;
    process.off('warning', this.#hear);
  }

  readonly #hear = (event: unknown): void => {
    this.#heard.push(event);
  };
}

function jsonOf(thing: unknown): string {
  try {
    return JSON.stringify(thing) ?? '';
  } catch {
    return ''; // it has a circle; inspect has looked at it
  }
}

/** Every string that can be reached from it, by names and symbols that are hidden or not. */
function textsOf(thing: unknown, seen = new Set<unknown>()): string[] {
  if (typeof thing === 'string') return [thing];
  if (typeof thing !== 'object' || thing === null || seen.has(thing)) return [];
  seen.add(thing);
  const items = thing instanceof Map ? [...thing].flat() : thing instanceof Set ? [...thing] : [];
  return [
    ...items,
    ...Reflect.ownKeys(thing).map((key) => Reflect.getOwnPropertyDescriptor(thing, key)?.value),
  ].flatMap((item) => textsOf(item, seen));
}
