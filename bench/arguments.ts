/** The flags of `npm run bench`. */

import { parseArgs } from 'node:util';
import { RIVAL_NAMES, type RivalName } from './rival.ts';

export interface BenchArguments {
  readonly quick: boolean;
  /** Works whose names begin with one of these; all when empty. */
  readonly only: readonly string[];
  readonly rivals: readonly RivalName[];
  readonly seed: number;
  readonly label: string;
  /** Whether the result is kept as a file. */
  readonly save: boolean;
  readonly help: boolean;
}

export const USAGE: string = `npm run bench -- [flags]
  --quick            fewer rounds, shorter turns, no long streams: about a minute, for development
  --only <works>     works by the beginnings of their names, by comma: read-10000,single
  --rivals <names>   by comma: ${RIVAL_NAMES.join(', ')}
  --seed <number>    of the data and of the ids that are read (42)
  --label <text>     in the name of the result: bench/results/<date>-<label>.json (local)
  --no-save          print only`;

/** @throws Error says what is wrong, and with which flag */
export function parseBenchArguments(args: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      rivals: { type: 'string', default: '' },
      seed: { type: 'string', default: '42' },
      label: { type: 'string', default: 'local' },
      save: { type: 'boolean', default: true },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const seed = Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0) {
    throw new Error(`--seed must be a whole number, but is '${values.seed}'`);
  }
  if (!/^[\w.-]+$/.test(values.label)) {
    throw new Error(`--label goes into a file name: letters, digits, '-' and '.' only`);
  }
  const { quick, label, save, help } = values;
  return {
    quick,
    only: list(values.only),
    rivals: rivalsFrom(values.rivals),
    seed,
    label,
    save,
    help,
  };
}

function rivalsFrom(text: string): readonly RivalName[] {
  const names = list(text);
  if (names.length === 0) return RIVAL_NAMES;
  return names.map((name) => {
    const known = RIVAL_NAMES.find((rival) => rival === name);
    if (known) return known;
    throw new Error(`--rivals knows no '${name}'; there are ${RIVAL_NAMES.join(', ')}`);
  });
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
