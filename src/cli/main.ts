#!/usr/bin/env node
import { run } from './program.ts';

// Writes report their errors themselves; a reader that leaves (`fstore --help | head`) is none.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

process.exitCode = await run(process.argv.slice(2));
