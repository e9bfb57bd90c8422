/** Lines over logarithmic axes, each named at its end. */

import { tidy } from '../quantity.ts';
import {
  CHART_WIDTH,
  escape,
  line,
  logScale,
  logTicks,
  round,
  svg,
  text,
  type Scale,
} from './svg.ts';

export interface Series {
  readonly label: string;
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly isOurs?: boolean;
  readonly isDashed?: boolean;
}

export interface LineChart {
  readonly label: string;
  readonly xAxis: string;
  readonly yAxis: string;
  readonly series: readonly Series[];
  /** @default powers of ten */
  readonly xTicks?: readonly number[];
  readonly xText: (value: number) => string;
  readonly yText: (value: number) => string;
}

const LEFT = 76;
const RIGHT = 210;
const TOP = 14;
const HEIGHT = 400;
const BOTTOM = TOP + HEIGHT;
const LABEL_GAP = 16;

export function lineChart(chart: LineChart): string {
  const points = chart.series.flatMap((series) => series.points);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const xRange = [Math.min(...xs), Math.max(...xs)] as const;
  const yRange = [Math.min(...ys) / 1.15, Math.max(...ys) * 1.15] as const;
  const x = logScale(xRange, [LEFT, CHART_WIDTH - RIGHT]);
  const y = logScale(yRange, [BOTTOM, TOP]);
  const xGrid = (chart.xTicks ?? logTicks(...xRange)).flatMap((tick) => [
    line([x(tick), TOP], [x(tick), BOTTOM], 'grid'),
    text(x(tick), BOTTOM + 18, tidy(chart.xText(tick)), { className: 'tick', anchor: 'middle' }),
  ]);
  const yGrid = logTicks(...yRange).flatMap((tick) => [
    line([LEFT, y(tick)], [CHART_WIDTH - RIGHT, y(tick)], 'grid'),
    text(LEFT - 8, y(tick) + 4, tidy(chart.yText(tick)), { className: 'tick', anchor: 'end' }),
  ]);
  const middleX = (LEFT + CHART_WIDTH - RIGHT) / 2;
  const titles = [
    text(middleX, BOTTOM + 40, chart.xAxis, { className: 'axis', anchor: 'middle' }),
    `<g transform="rotate(-90 16 ${TOP + HEIGHT / 2})">${text(16, TOP + HEIGHT / 2, chart.yAxis, { className: 'axis', anchor: 'middle' })}</g>`,
  ];
  // Ours last, so that it lies on top.
  const inOrder = [...chart.series].sort((a, b) => Number(a.isOurs) - Number(b.isOurs));
  const lines = inOrder.flatMap((series) => drawSeries(series, x, y, chart));
  return svg(BOTTOM + 48, chart.label, [
    ...xGrid,
    ...yGrid,
    ...titles,
    ...lines,
    ...endLabels(chart.series, x, y),
  ]);
}

function drawSeries(series: Series, x: Scale, y: Scale, chart: LineChart): string[] {
  const path = series.points.map(([px, py]) => `${round(x(px))},${round(y(py))}`).join(' ');
  const dash = series.isDashed ? ' stroke-dasharray="5 4"' : '';
  const width = series.isOurs ? 3 : 1.75;
  return [
    `<polyline points="${path}" fill="none" stroke="${series.color}" stroke-width="${width}"${dash}/>`,
    ...series.points.map(([px, py]) => {
      const hint = `${series.label}, ${chart.xText(px)}: ${chart.yText(py)}`;
      const place = `cx="${round(x(px))}" cy="${round(y(py))}" r="${series.isOurs ? 4 : 3}"`;
      return `<circle ${place} fill="${series.color}"><title>${escape(hint)}</title></circle>`;
    }),
  ];
}

/** Names at the ends of their lines, pushed apart where they would overlap. */
function endLabels(series: readonly Series[], x: Scale, y: Scale): string[] {
  const labels = series
    .flatMap((one) => {
      const end = one.points.at(-1);
      return end ? [{ one, x: x(end[0]), endY: y(end[1]), y: y(end[1]) }] : [];
    })
    .sort((a, b) => a.endY - b.endY);
  for (const [at, label] of labels.entries()) {
    const above = labels[at - 1];
    if (above) label.y = Math.max(label.y, above.y + LABEL_GAP);
  }
  const overflow = Math.max(0, (labels.at(-1)?.y ?? 0) - BOTTOM);
  for (const [at, label] of [...labels].reverse().entries()) {
    const below = labels[labels.length - at];
    const limit = below ? below.y - LABEL_GAP : BOTTOM;
    if (overflow > 0) label.y = Math.min(label.y, limit);
  }
  const right = CHART_WIDTH - RIGHT;
  return labels.flatMap(({ one, x: endX, endY, y: labelY }) => [
    line([endX + 5, endY], [right + 14, labelY], 'leader'),
    text(right + 18, labelY + 4, one.label, {
      className: one.isOurs ? 'name ours' : 'name',
      style: `fill:${one.color}`,
    }),
  ]);
}
