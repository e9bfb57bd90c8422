/**
 * From p50 to p99 on a logarithmic axis, a line for each contender with a mark at each quantile.
 */

import type { Latencies } from '../statistics.ts';
import { inDuration, tidy } from '../quantity.ts';
import { CHART_WIDTH, escape, line, logScale, logTicks, round, svg, text } from './svg.ts';

export interface Range {
  readonly label: string;
  readonly color: string;
  readonly latencyMs: Latencies;
  readonly isOurs?: boolean;
}

const LEFT = 230;
const RIGHT = 90;
/** For the p50 that stands before its mark. */
const VALUE_ROOM = 70;
const ROW = 30;
const TOP = 26;

export function rangeChart(label: string, ranges: readonly Range[]): string {
  const values = ranges.flatMap(({ latencyMs }) => [latencyMs.p50, latencyMs.p99]);
  const scope = [Math.min(...values) / 1.2, Math.max(...values) * 1.2] as const;
  const x = logScale(scope, [LEFT + VALUE_ROOM, CHART_WIDTH - RIGHT]);
  const bottom = TOP + ranges.length * ROW;
  const grid = logTicks(...scope).flatMap((tick) => [
    line([x(tick), TOP], [x(tick), bottom], 'grid'),
    text(x(tick), bottom + 16, tidy(inDuration(tick)), { className: 'tick', anchor: 'middle' }),
  ]);
  const rows = ranges.flatMap(({ label: name, color, latencyMs, isOurs }, at) => {
    const y = TOP + at * ROW + ROW / 2;
    const { p50, p95, p99 } = latencyMs;
    const marks = Object.entries({ p50, p95, p99 }).map(([quantile, value]) => {
      const hint = escape(`${name}, ${quantile}: ${inDuration(value)}`);
      const paint = quantile === 'p50' ? `fill="${color}"` : `fill="var(--back)" stroke="${color}"`;
      const place = `cx="${round(x(value))}" cy="${y}" r="5"`;
      return `<circle ${place} ${paint} stroke-width="2"><title>${hint}</title></circle>`;
    });
    const bar = `<line x1="${round(x(p50))}" x2="${round(x(p99))}" y1="${y}" y2="${y}" stroke="${color}" stroke-width="3"/>`;
    const className = isOurs ? 'name ours' : 'name';
    return [
      text(LEFT - 10, y + 4, name, { className, anchor: 'end' }),
      bar,
      ...marks,
      text(x(p50) - 9, y + 4, inDuration(p50), { className: 'small', anchor: 'end' }),
      text(x(p99) + 9, y + 4, inDuration(p99), { className: 'small' }),
    ];
  });
  const [first] = ranges;
  const heads = first
    ? (['p50', 'p95', 'p99'] as const).map((name) =>
        text(x(first.latencyMs[name]), TOP - 8, name, { className: 'small', anchor: 'middle' }),
      )
    : [];
  const title = text(
    (LEFT + VALUE_ROOM + CHART_WIDTH - RIGHT) / 2,
    bottom + 36,
    'latency, logarithmic',
    {
      className: 'axis',
      anchor: 'middle',
    },
  );
  return svg(bottom + 44, label, [...grid, ...heads, ...rows, title]);
}
