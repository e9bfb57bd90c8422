import { expect, it } from 'vitest';
import { scoreFormatFor } from '../../src/cli/score-format.ts';

const RECORDS = [
  { id: 'u1', score: 0.25 },
  { id: 'with,comma', score: 1e-7 },
  { id: 'with "quotes"', score: 0 },
  { id: 'absent', score: null },
];

it('writes CSV with quotes where they are needed', () => {
  const { header, format } = scoreFormatFor('scores.csv', undefined);
  expect(header + format(RECORDS)).toBe(
    'id,score\nu1,0.25\n"with,comma",1e-7\n"with ""quotes""",0\nabsent,\n',
  );
});

it('writes JSON lines', () => {
  const { header, format } = scoreFormatFor('scores.jsonl', undefined);
  const lines = (header + format(RECORDS)).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toStrictEqual(RECORDS);
});

it.each(['csv', 'jsonl'] as const)('writes nothing for no records as %s', (name) => {
  expect(scoreFormatFor('-', name).format([])).toBe('');
});

it('goes by the name, then by the extension, and asks where neither says it', () => {
  const csv = scoreFormatFor('-', 'csv');
  const jsonl = scoreFormatFor('-', 'jsonl');
  expect(scoreFormatFor('-', undefined)).toBe(csv);
  expect(scoreFormatFor('a.CSV', undefined)).toBe(csv);
  expect(scoreFormatFor('a.ndjson', undefined)).toBe(jsonl);
  expect(scoreFormatFor('a.csv', 'jsonl')).toBe(jsonl);
  expect(() => scoreFormatFor('a.parquet', undefined)).toThrow('add --format csv');
});
