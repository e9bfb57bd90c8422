import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const USING = /^\s*(for \()?(await )?using \w+/m;
const DISPOSE_METHOD = /^\s*(async )?\[Symbol\.(asyncD|d)ispose\]\s*\(/m;

/** A file's code, without its comments. */
async function codeOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
}

async function shippedFiles(): Promise<string[]> {
  const entries = await readdir('src', { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.startsWith(join('src', 'demo')));
}

test('what is shipped declares nothing with `using`: Node 20.0 and the VM of Jest 29 have no Symbol.dispose', async () => {
  const files = await shippedFiles();
  expect(files).toContain(join('src', 'cluster', 'lanes', 'lane.ts'));
  const offenders: string[] = [];
  for (const file of files) {
    const code = await codeOf(file);
    if (USING.test(code) || DISPOSE_METHOD.test(code)) offenders.push(file);
  }
  expect(offenders).toEqual([]);
});
