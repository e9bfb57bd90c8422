// Makes docs/api.md from the docstrings of what the package exports.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { renderApi } from './api-reference/markdown.ts';
import { readApi } from './api-reference/model.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
await writeFile(new URL('../docs/api.md', import.meta.url), await renderApi(readApi(root)));
console.log('docs/api.md says what the docstrings say.');
