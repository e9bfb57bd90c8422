/** A table in Markdown. @param leftColumns that many are words, the others figures */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  leftColumns: number,
): string {
  const lines = [
    header,
    header.map((_, at) => (at < leftColumns ? '---' : '---:')),
    ...rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|'))),
  ];
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}
