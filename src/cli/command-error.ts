/** What a command gives up with: one line for people, a code for scripts, and the exit code. */

/** The user asked for something that cannot be. */
export const EXIT_USAGE = 2;
/** The command was understood, and failed. */
export const EXIT_FAILURE = 1;

export interface CommandErrorOptions extends ErrorOptions {
  /** @default EXIT_FAILURE */
  readonly exitCode?: number;
}

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: string;
  readonly exitCode: number;

  constructor(code: string, message: string, options: CommandErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.exitCode = options.exitCode ?? EXIT_FAILURE;
  }
}

export function usageError(message: string): CommandError {
  return new CommandError('USAGE', message, { exitCode: EXIT_USAGE });
}

/** A failed system call on something that the user named, in words: `cannot read ids.txt: …`. */
export function systemError(what: string, cause: unknown): CommandError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'FAILED';
  const why = cause instanceof Error ? cause.message : String(cause);
  // Node's messages read `ENOENT: no such file or directory, open '…'`; the code comes last here.
  const reason = why.replace(`${code}: `, '').replace(/, \w+( '.*')?( -> '.*')?$/, '');
  return new CommandError(code, `${what}: ${reason}`, { cause });
}
