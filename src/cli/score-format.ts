import { extname } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { usageError } from './command-error.ts';
import { STANDARD_STREAM } from './open-output.ts';

export interface ScoreRecord {
  readonly id: string;
  /** null for an entity that is absent. */
  readonly score: number | null;
}

export interface ScoreFormat {
  /** Comes first, once. */
  readonly header: string;
  /** Whole lines. */
  format(records: readonly ScoreRecord[]): string;
}

export const FORMAT_NAMES = ['csv', 'jsonl'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

/** RFC 4180 quoting, lines that end with LF; an absent entity has an empty score. */
const csv: ScoreFormat = {
  header: 'id,score\n',
  format: (records) => stringify(records.map(({ id, score }) => [id, score])),
};

/** One JSON object per line; an absent entity has the score null. */
const jsonl: ScoreFormat = {
  header: '',
  format: (records) =>
    records.map(({ id, score }) => `${JSON.stringify({ id, score })}\n`).join(''),
};

const FORMATS: Readonly<Record<FormatName, ScoreFormat>> = { csv, jsonl };

const NAME_OF_EXTENSION: Readonly<Record<string, FormatName>> = {
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};

/** The format that is named, or else the one of the file's extension; CSV for standard output. */
export function scoreFormatFor(outPath: string, named: FormatName | undefined): ScoreFormat {
  if (named !== undefined) return FORMATS[named];
  if (outPath === STANDARD_STREAM) return csv;
  const name = NAME_OF_EXTENSION[extname(outPath).toLowerCase()];
  if (name !== undefined) return FORMATS[name];
  throw usageError(
    `--out ${outPath} does not say its format by its extension (.csv, .jsonl); add --format csv or --format jsonl`,
  );
}
