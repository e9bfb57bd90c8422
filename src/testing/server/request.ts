/** Reads what a CommandWriter has written: arrays of bulk strings. */

import type { Bytes } from './bytes.ts';

const [CR, ZERO] = [13, 48];

/** The words of each command, as views. */
export function commandsIn(bytes: Bytes): Bytes[][] {
  const commands: Bytes[][] = [];
  let at = 0;
  /** The number after the `*` or `$` that comes next. */
  const number = (): number => {
    let value = 0;
    for (at++; bytes[at] !== CR; at++) value = value * 10 + ((bytes[at] ?? CR) - ZERO);
    at += 2;
    return value;
  };
  while (at < bytes.length) {
    const words: Bytes[] = [];
    for (let left = number(); left > 0; left--) {
      const length = number();
      words.push(bytes.subarray(at, at + length));
      at += length + 2;
    }
    commands.push(words);
  }
  return commands;
}
