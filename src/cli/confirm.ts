import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** Whether the answer is yes, in full; the end of the input is a no. */
export function confirm(
  question: string,
  input: Readable = process.stdin,
  output: Writable = process.stderr,
): Promise<boolean> {
  // Not as a terminal of readline's own: so Ctrl-C stays the signal that everything else awaits.
  const lines = createInterface({ input, output, terminal: false });
  return new Promise((resolve) => {
    lines.once('close', () => resolve(false));
    lines.question(`${question} Type yes to go on: `, (answer) => {
      resolve(answer.trim().toLowerCase() === 'yes');
      lines.close();
    });
  });
}
