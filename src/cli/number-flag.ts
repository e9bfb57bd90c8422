import { InvalidArgumentError } from 'commander';

export interface NumberRange {
  readonly min: number;
  readonly max: number;
}

/** Reads a whole number for commander, which names the flag in front of the message. */
export function wholeNumber({ min, max }: NumberRange): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
