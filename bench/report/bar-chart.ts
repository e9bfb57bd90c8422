/** Horizontal bars from zero, each with its value beside it; a bar may be stacked from parts. */

import { tidy } from '../quantity.ts';
import { CHART_WIDTH, escape, line, linearScale, linearTicks, round, svg, text } from './svg.ts';

export interface Bar {
  readonly label: string;
  readonly parts: readonly BarPart[];
  /** Beside the bar. */
  readonly valueText: string;
  readonly isOurs?: boolean;
  /** Drawn as an outline: for scale, not a client. */
  readonly isReference?: boolean;
}

export interface BarPart {
  readonly value: number;
  readonly color: string;
  readonly name?: string;
}

export interface BarChart {
  readonly label: string;
  readonly axis: string;
  readonly bars: readonly Bar[];
  readonly tickText: (value: number) => string;
}

const LEFT = 230;
const RIGHT = 110;
const ROW = 30;
const TOP = 8;

export function barChart({ label, axis, bars, tickText }: BarChart): string {
  const totals = bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0));
  const ticks = linearTicks(Math.max(...totals, Number.MIN_VALUE));
  const max = ticks.at(-1) ?? 1;
  const x = linearScale([0, max], [LEFT, CHART_WIDTH - RIGHT]);
  const bottom = TOP + bars.length * ROW;
  const grid = ticks.flatMap((tick) => [
    line([x(tick), TOP], [x(tick), bottom], 'grid'),
    text(x(tick), bottom + 16, tidy(tickText(tick)), { className: 'tick', anchor: 'middle' }),
  ]);
  const rows = bars.flatMap((bar, at) => {
    const y = TOP + at * ROW + 5;
    const className = bar.isOurs ? 'name ours' : 'name';
    return [
      text(LEFT - 10, y + 14, bar.label, { className, anchor: 'end' }),
      ...partsOf(bar, y, x),
      text(x(totals[at] ?? 0) + 8, y + 14, bar.valueText, {
        className: bar.isOurs ? 'value ours' : 'value',
      }),
    ];
  });
  const title = text((LEFT + CHART_WIDTH - RIGHT) / 2, bottom + 36, axis, {
    className: 'axis',
    anchor: 'middle',
  });
  return svg(bottom + 44, label, [...grid, ...rows, title]);
}

function partsOf(bar: Bar, y: number, x: (value: number) => number): string[] {
  let before = 0;
  return bar.parts.map(({ value, color, name }) => {
    const from = x(before);
    before += value;
    const place = `x="${round(from)}" y="${y}" height="20" width="${round(x(before) - from)}"`;
    const paint = bar.isReference
      ? `fill="none" stroke="${color}" stroke-dasharray="4 3"`
      : `fill="${color}"`;
    const hint = `<title>${escape(`${bar.label}${name ? `, ${name}` : ''}: ${value.toPrecision(4)}`)}</title>`;
    return `<rect ${place} ${paint} rx="2">${hint}</rect>`;
  });
}
