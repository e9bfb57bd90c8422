/** Numbers that look random and are the same for the same seed, on every machine. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** One of the choices, each as likely as its weight says. */
  weighted<T>(choices: readonly [Weighted<T>, ...Weighted<T>[]]): T;
}

export type Weighted<T> = readonly [choice: T, weight: number];

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state. For demo data, not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    integer,
    pick: (choices) => choices[integer(0, choices.length - 1)] ?? choices[0],
    weighted: (choices) => {
      let left = next() * choices.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [choice, weight] of choices) {
        left -= weight;
        if (left < 0) return choice;
      }
      return choices[0][0];
    },
  };
}

/** `count` of the items, no position twice, in random order; all of them if there are fewer. */
export function sample<T>(random: Random, items: readonly T[], count: number): T[] {
  // Fisher-Yates, stopped after the part that is wanted.
  const pool = [...items];
  const sampleCount = Math.min(count, pool.length);
  for (let at = 0; at < sampleCount; at++) {
    const from = random.integer(at, pool.length - 1);
    [pool[at], pool[from]] = [pool[from] as T, pool[at] as T]; // both lie within the pool
  }
  return pool.slice(0, sampleCount);
}
