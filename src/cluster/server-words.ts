import { oneLine } from '../errors.ts';

/** More than any error of a server needs. */
const SHOWN_CHARACTERS = 300;

/** Servers repeat what was sent to them: features, or the password of AUTH and HELLO. */
const ARGUMENTS = /,? with args beginning with:.*$/is;

/** What a server said, or ioredis of it, as an error message quotes it: one line, and nothing that was sent. */
export function serverWords(text: string): string {
  const said = oneLine(text.replace(ARGUMENTS, '').trimEnd());
  return said.length > SHOWN_CHARACTERS ? `${said.slice(0, SHOWN_CHARACTERS)}…` : said;
}
