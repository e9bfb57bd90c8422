import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { windowsOf, type Source, type Window } from '../../src/store/windows.ts';

/** Holds up to `size` numbers, and no number twice. */
class Numbers implements Window<number> {
  readonly items: number[] = [];
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  add(item: number): boolean {
    if (this.items.includes(item)) return false;
    this.items.push(item);
    return true;
  }

  get full(): boolean {
    return this.items.length >= this.#size;
  }

  get empty(): boolean {
    return this.items.length === 0;
  }
}

async function cut(
  source: Source<number>,
  size: number,
  signal?: AbortSignal,
): Promise<number[][]> {
  const windows: number[][] = [];
  for await (const { items } of windowsOf(source, { newWindow: () => new Numbers(size), signal })) {
    windows.push(items);
  }
  return windows;
}

/** 1, 2, 3, … and what became of it. */
class Counting {
  pulled = 0;
  readonly closed = vi.fn<() => void>();
  readonly #last: number;

  constructor(last: number = Number.POSITIVE_INFINITY) {
    this.#last = last;
  }

  *sync(): Generator<number> {
    try {
      while (this.pulled < this.#last) yield ++this.pulled;
    } finally {
      this.closed();
    }
  }

  async *async(): AsyncGenerator<number> {
    yield* this.sync();
  }
}

/** Rejections that nobody handled while `act` ran, and shortly after. */
async function unhandledDuring(act: () => Promise<void>): Promise<unknown[]> {
  const reasons: unknown[] = [];
  const note = (reason: unknown): number => reasons.push(reason);
  process.on('unhandledRejection', note);
  try {
    await act();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', note);
  }
  return reasons;
}

test.each(['sync', 'async'] as const)(
  'windows of a %s source are full but for the last',
  async (kind) => {
    expect(await cut(new Counting(5)[kind](), 2)).toStrictEqual([[1, 2], [3, 4], [5]]);
    expect(await cut(new Counting(4)[kind](), 2)).toStrictEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(await cut(new Counting(0)[kind](), 2)).toStrictEqual([]);
  },
);

test('an item that a window refuses begins the next one', async () => {
  expect(await cut([1, 2, 1, 3, 4, 4], 3)).toStrictEqual([[1, 2], [1, 3, 4], [4]]);
  expect(await cut([7, 7], 1)).toStrictEqual([[7], [7]]);
});

test('any source is cut without losing, doubling or reordering an item', async () => {
  const sources = fc.tuple(
    fc.array(fc.nat({ max: 4 })),
    fc.integer({ min: 1, max: 5 }),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(sources, async ([items, size, lazily]) => {
      const windows = await cut(lazily ? slowly(items) : items, size);
      expect(windows.flat()).toStrictEqual(items);
      for (const window of windows) {
        expect(window.length).toBeGreaterThan(0);
        expect(window.length).toBeLessThanOrEqual(size);
        expect(new Set(window).size).toBe(window.length);
      }
    }),
  );
});

async function* slowly(items: readonly number[]): AsyncGenerator<number> {
  for (const item of items) yield await Promise.resolve(item);
}

test.each(['sync', 'async'] as const)(
  'a %s source is pulled no further than the window that is filled',
  async (kind) => {
    const source = new Counting();
    const windows = windowsOf(source[kind](), {
      newWindow: () => new Numbers(3),
      signal: undefined,
    });
    await windows.next();
    expect(source.pulled).toBe(3);
    await windows.next();
    expect(source.pulled).toBe(6);
    await windows.return(undefined);
  },
);

test.each(['sync', 'async'] as const)(
  'a %s source is closed when the consumer stops',
  async (kind) => {
    const source = new Counting();
    for await (const window of windowsOf(source[kind](), {
      newWindow: () => new Numbers(2),
      signal: undefined,
    })) {
      expect(window.items).toStrictEqual([1, 2]);
      break;
    }
    expect(source.closed).toHaveBeenCalledOnce();
  },
);

test.each(['sync', 'async'] as const)(
  'a %s source is closed when the consumer throws',
  async (kind) => {
    const source = new Counting();
    const consume = async (): Promise<void> => {
      for await (const _ of windowsOf(source[kind](), {
        newWindow: () => new Numbers(2),
        signal: undefined,
      })) {
        throw new Error('no more');
      }
    };
    await expect(consume()).rejects.toThrow('no more');
    expect(source.closed).toHaveBeenCalledOnce();
  },
);

test('a source is closed when a window throws at an item', async () => {
  const source = new Counting();
  const broken = {
    add: (): boolean => {
      throw new Error('cannot take it');
    },
    full: false,
    empty: true,
  };
  await expect(
    windowsOf(source.sync(), { newWindow: () => broken, signal: undefined }).next(),
  ).rejects.toThrow('cannot take it');
  expect(source.closed).toHaveBeenCalledOnce();
});

test('a source that ended by itself is not closed again', async () => {
  const closed = vi.fn<() => void>();
  const source: Iterable<number> = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: true, value: undefined }),
      return: () => {
        closed();
        return { done: true, value: undefined };
      },
    }),
  };
  expect(await cut(source, 2)).toStrictEqual([]);
  expect(closed).not.toHaveBeenCalled();
});

test.each(['sync', 'async'] as const)(
  'a signal that fired ends the pulling of a %s source that always gives',
  async (kind) => {
    const caller = new AbortController();
    const source = new Counting();
    const windows = windowsOf(source[kind](), {
      newWindow: () => new Numbers(2),
      signal: caller.signal,
    });
    await windows.next();
    caller.abort();
    await expect(windows.next()).rejects.toMatchObject({ code: 'ABORTED' });
    expect(source.pulled).toBe(2);
    expect(source.closed).toHaveBeenCalledOnce();
  },
);

test('a step of an async source may be any thenable', async () => {
  let given = 0;
  const step = (): IteratorResult<number> =>
    given < 3 ? { done: false, value: ++given } : { done: true, value: undefined };
  // oxlint-disable-next-line unicorn/no-thenable -- that is the point
  const next = (): unknown => ({ then: (give: (result: unknown) => void) => give(step()) });
  const source = { [Symbol.asyncIterator]: () => ({ next }) };
  expect(await cut(source as unknown as AsyncIterable<number>, 2)).toStrictEqual([[1, 2], [3]]);
});

test("a source's own error comes out after the windows before it", async () => {
  async function* source(): AsyncGenerator<number> {
    yield* [1, 2, 3];
    throw new Error('the source broke');
  }
  const windows = windowsOf(source(), { newWindow: () => new Numbers(2), signal: undefined });
  expect((await windows.next()).value?.items).toStrictEqual([1, 2]);
  await expect(windows.next()).rejects.toThrow('the source broke');
});

/** An async source that never gives anything, and may hang in its clean-up too. */
function silence(close: () => Promise<IteratorResult<number>>): AsyncIterable<number> {
  return { [Symbol.asyncIterator]: () => ({ next: () => never, return: close }) };
}
const never = new Promise<never>(() => undefined);

test('the signal ends the wait for a source that never gives, and closes it', async () => {
  const caller = new AbortController();
  const close = vi.fn<() => Promise<never>>(() => never); // nor does its clean-up ever end
  const reading = cut(silence(close), 2, caller.signal);
  const reason = new Error('enough');
  caller.abort(reason);
  await expect(reading).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
  expect(close).toHaveBeenCalledOnce();
});

test('a signal that fired before ends it too', async () => {
  const close = vi.fn<() => Promise<never>>(() => never);
  const reading = cut(silence(close), 2, AbortSignal.abort());
  await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
  expect(close).toHaveBeenCalledOnce();
});

test('what an async source rejects with after the abort goes unheard', async () => {
  const caller = new AbortController();
  let breakSource: (reason: Error) => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    breakSource = reject;
  });
  const close = (): Promise<never> => Promise.reject(new Error('the clean-up broke'));
  const source = { [Symbol.asyncIterator]: () => ({ next: () => late, return: close }) };
  const unhandled = await unhandledDuring(async () => {
    const reading = cut(source, 2, caller.signal);
    caller.abort();
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
    breakSource(new Error('the source broke'));
  });
  expect(unhandled).toStrictEqual([]);
});

test('a source that rejects at once, after the signal had fired, goes unheard', async () => {
  const next = (): Promise<never> => Promise.reject(new Error('the source broke'));
  const source = { [Symbol.asyncIterator]: () => ({ next }) };
  const unhandled = await unhandledDuring(async () => {
    const reading = cut(source, 2, AbortSignal.abort());
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
  });
  expect(unhandled).toStrictEqual([]);
});

test('a signal that stays quiet changes nothing, and keeps no listener', async () => {
  const { signal } = new AbortController();
  const added = vi.spyOn(signal, 'addEventListener');
  const removed = vi.spyOn(signal, 'removeEventListener');
  expect(await cut(new Counting(3).async(), 2, signal)).toStrictEqual([[1, 2], [3]]);
  expect(added).toHaveBeenCalledOnce();
  expect(removed.mock.calls.map(([, listener]) => listener)).toStrictEqual(
    added.mock.calls.map(([, listener]) => listener),
  );
});
