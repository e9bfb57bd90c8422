import { expect, it } from 'vitest';
import { printable, table } from '../../src/cli/table.ts';

it('aligns columns, numbers at the right', () => {
  const rows = [
    ['a', 5],
    ['long name', 1234],
  ];
  expect(table(['NAME', 'COUNT'], rows)).toBe(
    'NAME       COUNT\na              5\nlong name   1234\n',
  );
});

it('does not let what is stored steer the terminal', () => {
  expect(printable('a\u001b[2Jb\r\nc\u0085 é')).toBe('a\\u001b[2Jb\\u000d\\u000ac\\u0085 é');
});
