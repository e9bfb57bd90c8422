/**
 * Pieces of SVG, and the scales that place them. Coordinates are in pixels of the drawing's own
 * width.
 */

export const CHART_WIDTH = 860;

export type Scale = (value: number) => number;

export function linearScale(from: readonly [number, number], to: readonly [number, number]): Scale {
  return (value) => to[0] + ((value - from[0]) / (from[1] - from[0])) * (to[1] - to[0]);
}

export function logScale(from: readonly [number, number], to: readonly [number, number]): Scale {
  const scale = linearScale([Math.log(from[0]), Math.log(from[1])], to);
  return (value) => scale(Math.log(value));
}

/** 1, 2 and 5 times the powers of ten within the range; only the powers where it is wide. */
export function logTicks(min: number, max: number): number[] {
  const isWide = max / min > 200;
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
    for (const step of isWide ? [1] : [1, 2, 5]) {
      const tick = step * 10 ** power;
      if (tick >= min * 0.999 && tick <= max * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

/** Round values from 0 to at least `max`. */
export function linearTicks(max: number): number[] {
  const rough = max / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step =
    [1, 2, 2.5, 5, 10].map((times) => times * power).find((size) => size >= rough) ?? max;
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, at) => at * step);
}

export interface TextOptions {
  readonly className?: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly style?: string;
}

export function text(x: number, y: number, content: string, options: TextOptions = {}): string {
  const { className = '', anchor = 'start', style = '' } = options;
  const place = `x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"`;
  return `<text ${place} class="${className}" style="${style}">${escape(content)}</text>`;
}

export function line(
  from: readonly [number, number],
  to: readonly [number, number],
  className: string,
): string {
  const [x1, y1] = from.map(round);
  const [x2, y2] = to.map(round);
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="${className}"/>`;
}

export function svg(height: number, label: string, parts: readonly string[]): string {
  const box = `viewBox="0 0 ${CHART_WIDTH} ${round(height)}"`;
  return `<svg ${box} role="img" aria-label="${escape(label)}">${parts.join('\n')}</svg>`;
}

export function escape(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
