/** RESP as its specification has it, written without a thought for speed. */

/** Commands as they were written: arrays of bulk strings and nothing else. */
export function decodeCommands(bytes: Uint8Array): string[][] {
  let rest = Buffer.from(bytes);
  const line = (type: string): number => {
    const end = rest.indexOf('\r\n');
    const text = rest.toString('latin1', 0, end);
    if (end === -1 || !new RegExp(`^[${type}](0|[1-9][0-9]*)$`).test(text)) {
      throw new Error(`${JSON.stringify(text)} is no ${type} and number`);
    }
    rest = rest.subarray(end + 2);
    return Number(text.slice(1));
  };
  const word = (): string => {
    const byteCount = line('$');
    const text = rest.toString('utf8', 0, byteCount);
    if (rest.toString('latin1', byteCount, byteCount + 2) !== '\r\n') {
      throw new Error(`no end after ${JSON.stringify(text)}`);
    }
    rest = rest.subarray(byteCount + 2);
    return text;
  };
  const commands: string[][] = [];
  while (rest.length > 0) commands.push(Array.from({ length: line('*') }, word));
  return commands;
}

/** The bytes of a command. */
export function encodeCommand(words: readonly (string | number)[]): Buffer {
  const texts = words.map((word) => `$${Buffer.byteLength(`${word}`)}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${texts.join('')}`);
}

/** A reply by its RESP type, as a server may send it. */
export type WireReply =
  | { readonly type: '+' | '-' | ',' | '('; readonly line: string }
  | { readonly type: ':'; readonly value: number }
  | { readonly type: '#'; readonly value: boolean }
  | { readonly type: '_' | 'null string' | 'null array' }
  | { readonly type: '$' | '!'; readonly text: string }
  | { readonly type: '='; readonly format: string; readonly text: string }
  | { readonly type: '*' | '~' | '>'; readonly items: readonly WireReply[] }
  | { readonly type: '%'; readonly pairs: readonly (readonly [WireReply, WireReply])[] }
  | {
      readonly type: '|';
      readonly pairs: readonly (readonly [WireReply, WireReply])[];
      readonly of: WireReply;
    };

/** The bytes of a reply. https://redis.io/docs/latest/develop/reference/protocol-spec/ */
export function encodeReply(reply: WireReply): string {
  switch (reply.type) {
    case '+':
    case '-':
    case ',':
    case '(':
      return `${reply.type}${reply.line}\r\n`;
    case ':':
      return `:${reply.value}\r\n`;
    case '#':
      return reply.value ? '#t\r\n' : '#f\r\n';
    case '_':
      return '_\r\n';
    case 'null string':
      return '$-1\r\n';
    case 'null array':
      return '*-1\r\n';
    case '$':
    case '!':
      return `${reply.type}${Buffer.byteLength(reply.text)}\r\n${reply.text}\r\n`;
    case '=':
      return `=${Buffer.byteLength(reply.text) + 4}\r\n${reply.format}:${reply.text}\r\n`;
    case '*':
    case '~':
    case '>':
      return `${reply.type}${reply.items.length}\r\n${reply.items.map(encodeReply).join('')}`;
    case '%':
      return `%${reply.pairs.length}\r\n${reply.pairs.flat().map(encodeReply).join('')}`;
    case '|':
      return `|${reply.pairs.length}\r\n${reply.pairs.flat().map(encodeReply).join('')}${encodeReply(reply.of)}`;
  }
}
