import * as fc from 'fast-check';
import { Decoder, RESP_TYPES } from 'ioredis/built/resp/decoder.js';
import { expect, test } from 'vitest';
import type { ColumnValues } from '../../../src/cluster/resp/column-values.ts';
import {
  INCOMPLETE,
  ReplyReader,
  ServerError,
  type Reply,
} from '../../../src/cluster/resp/reply-reader.ts';
import { encodeReply, type WireReply } from '../plain-resp.ts';
import { frame, randomFrom, strings } from './replies.ts';

/**
 * The replies that ioredis reads from whole frames, in our shapes. Attributes, which it has not,
 * left out.
 */
function readByIoredis(frames: readonly WireReply[]): Reply[] {
  const replies: Reply[] = [];
  const decoder = new Decoder({
    getTypeMapping: () => ({
      [RESP_TYPES.BOOLEAN]: Number,
      [RESP_TYPES.BIG_NUMBER]: String,
      [RESP_TYPES.DOUBLE]: String,
      [RESP_TYPES.MAP]: Array,
    }),
    onReply: (reply: unknown) => replies.push(toReply(reply)),
    onErrorReply: (error) => replies.push(toReply(error)),
    onPush: () => undefined,
  });
  for (const reply of frames) decoder.write(Buffer.from(encodeReply(withoutAttributes(reply))));
  return replies;
}

function toReply(value: unknown): Reply {
  if (value instanceof Error) return new ServerError(value.message);
  if (Array.isArray(value)) return value.map(toReply);
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value;
  throw new Error(`no reply: ${String(value)}`);
}

function withoutAttributes(reply: WireReply): WireReply {
  if ('of' in reply) return withoutAttributes(reply.of);
  if ('items' in reply) return { ...reply, items: reply.items.map(withoutAttributes) };
  if (!('pairs' in reply)) return reply;
  const pairs = reply.pairs.map(
    ([key, value]) => [withoutAttributes(key), withoutAttributes(value)] as const,
  );
  return { ...reply, pairs };
}

/** Quick, for a million comparisons. */
function same(a: Reply | undefined, b: Reply | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => same(item, b[index]));
  }
  if (a instanceof ServerError && b instanceof ServerError) return a.message === b.message;
  return Object.is(a, b);
}

/** By their number; used all the time, so that values are looked up, made, and both by turns. */
const COLUMNS = [0, 1, 2, 3, 4].map(strings);

/** Reads a stream as a lane does; also asks in ways that do not fit, which must consume nothing. */
class Reading {
  readonly reader = new ReplyReader();
  readonly replies: Reply[] = [];
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  push(chunk: Buffer): void {
    this.reader.push(chunk);
    while (this.#readOne());
  }

  #readOne(): boolean {
    const { reader } = this;
    const reply = reader.skipPushes() ?? this.#reply();
    if (reply === INCOMPLETE) return false;
    this.replies.push(reply);
    return true;
  }

  #reply(): Reply | typeof INCOMPLETE {
    const { reader } = this;
    const { position } = reader;
    const way = this.#random();
    if (way < 0.3) {
      const integer = reader.readInteger();
      if (typeof integer === 'number') return integer;
      if (reader.position !== position)
        throw new Error('readInteger consumed what it did not read');
      if (integer === INCOMPLETE) return INCOMPLETE;
    } else if (way < 0.7) {
      const columns = COLUMNS[Math.floor(this.#random() * COLUMNS.length)] ?? strings(0);
      const read = reader.readStrings(columns);
      if (read === true) return valuesOf(columns);
      if (reader.position !== position)
        throw new Error('readStrings consumed what it did not read');
      if (read === INCOMPLETE) return INCOMPLETE;
    }
    return reader.read();
  }
}

/** A copy, since they are written over by the next row. */
function valuesOf({ values, presentCount }: ColumnValues): Reply {
  const present = values.filter((value) => value !== null);
  if (present.length !== presentCount) throw new Error(`${presentCount} are not ${present.length}`);
  return [...values];
}

/** Frames one after the other, and where each ends. */
class Stream {
  readonly bytes: Buffer;
  readonly ends: number[];
  readonly expected: readonly Reply[];

  constructor(frames: readonly WireReply[]) {
    const encoded = frames.map((reply) => Buffer.from(encodeReply(reply)));
    this.bytes = Buffer.concat(encoded);
    let end = 0;
    this.ends = encoded.map(({ length }) => (end += length));
    this.expected = readByIoredis(frames);
  }

  /** One cut in every frame, at any of its bytes. */
  cutsInEveryFrame(random: () => number): number[] {
    let begin = 0;
    return this.ends.map((end) => {
      const cut = begin + 1 + Math.floor(random() * (end - begin - 1));
      begin = end;
      return cut;
    });
  }

  /** Cuts about every so many bytes. */
  cutsEvery(meanBytes: number, random: () => number): number[] {
    const cuts: number[] = [];
    for (let at = 0; ;) {
      at += 1 + Math.floor(random() * (2 * meanBytes - 1));
      if (at >= this.bytes.length) return cuts;
      cuts.push(at);
    }
  }

  /** How many frames have a cut inside. */
  countCutFrames(cuts: readonly number[]): number {
    let count = 0;
    let at = 0;
    let begin = 0;
    for (const end of this.ends) {
      while (at < cuts.length && (cuts[at] ?? 0) <= begin) at++;
      if (at < cuts.length && (cuts[at] ?? 0) < end) count++;
      begin = end;
    }
    return count;
  }

  /** Fails unless the stream, cut there, is read as it is whole. */
  check(cuts: readonly number[], random: () => number): void {
    const reading = new Reading(random);
    let begin = 0;
    for (const end of [...cuts, this.bytes.length]) {
      reading.push(this.bytes.subarray(begin, end));
      begin = end;
    }
    const { replies, reader } = reading;
    const wrong = replies.findIndex((reply, index) => !same(reply, this.expected[index]));
    if (wrong !== -1) {
      const [read, wanted] = [replies[wrong], this.expected[wrong]].map((r) => JSON.stringify(r));
      throw new Error(`reply ${wrong} was read as ${read}, but is ${wanted}`);
    }
    const rest = reader.skipPushes() === undefined && reader.empty ? 0 : 1;
    if (rest > 0 || replies.length !== this.expected.length) {
      throw new Error(`${replies.length} of ${this.expected.length} were read; ${reader.peek()}`);
    }
  }
}

test('1,000,000 frames that were cut somewhere read as ioredis reads them whole', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  let cutFrames = 0;
  try {
    while (cutFrames < 1_000_000) {
      const stream = new Stream(fc.sample(frame, { numRuns: 1_000, seed: random() * 2 ** 31 }));
      const waysToCut = [1, 2, 5, 20, 100, 1_000, 65_536].map((meanBytes) =>
        stream.cutsEvery(meanBytes, random),
      );
      for (let i = 0; i < 200; i++) waysToCut.push(stream.cutsInEveryFrame(random));
      for (const cuts of waysToCut) {
        stream.check(cuts, random);
        cutFrames += stream.countCutFrames(cuts);
      }
    }
  } catch (cause) {
    throw new Error(`seed ${seed}`, { cause });
  }
  expect(cutFrames).toBeGreaterThanOrEqual(1_000_000);
}, 60_000);
