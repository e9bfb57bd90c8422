/**
 * What the cells say when they are put side by side: one node and six, and where a rival is better.
 */

import { byRound, cellOf, type Cell, type Figure, type Run } from '../measurement.ts';
import type { ModelCosts } from '../model.ts';
import { OURS, type TargetKind } from '../rival.ts';
import { median } from '../statistics.ts';
import { ratioOf } from '../targets.ts';
import { nodeCount, ONE_NODE, SIX_NODES } from '../works/node-count.ts';

/** One work on one node and on six, in µs per id. */
export interface NodeComparison {
  readonly work: string;
  readonly title: string;
  readonly contender: string;
  readonly oneNode: Costs;
  readonly sixNodes: Costs;
  /** How many times the client CPU of one node. */
  readonly clientRatio: number;
}

export interface Costs {
  readonly elapsedUs: number;
  readonly clientUs: number;
  readonly serverUs: number;
  readonly busiestServerUs: number;
  readonly replicaUs: number;
}

export function compareNodes(run: Run, contenders: readonly string[]): NodeComparison[] {
  return run.works.flatMap(({ name, title }) =>
    contenders.flatMap((contender) => {
      const one = cellOf(run, name, 'standalone', contender);
      const six = cellOf(run, name, 'cluster', contender);
      if (!one || !six) return [];
      const clientRatio = ratioOf(six, one, 'clientUsPerId') ?? Number.NaN;
      const sides = { oneNode: costsOf(one), sixNodes: costsOf(six) };
      return [{ work: name, title, contender, ...sides, clientRatio }];
    }),
  );
}

function costsOf(cell: Cell): Costs {
  return {
    elapsedUs: middle(cell, 'elapsedUsPerId'),
    clientUs: middle(cell, 'clientUsPerId'),
    serverUs: middle(cell, 'serverUsPerId'),
    busiestServerUs: middle(cell, 'busiestServerUsPerId'),
    replicaUs: middle(cell, 'replicaUsPerId'),
  };
}

export function middle(cell: Cell, figure: Figure): number {
  return median(byRound(cell, figure));
}

const MODEL_WORK = 'read-10000';
const MODEL_BATCH = 10_000;

/** What the model is fed with, and what was measured with it. */
export interface MeasuredCosts extends ModelCosts {
  readonly oneNode: Costs;
  readonly cluster: Costs;
}

/** The costs of a batch of 10,000; ours from turns on six nodes and one. */
export function modelCosts(run: Run, contender: string): MeasuredCosts | undefined {
  const inTurns = (name: string): Cell | undefined =>
    contender === OURS ? cellOf(run, nodeCount.name, 'cluster', name) : undefined;
  const one = inTurns(ONE_NODE) ?? cellOf(run, MODEL_WORK, 'standalone', contender);
  const six = inTurns(SIX_NODES) ?? cellOf(run, MODEL_WORK, 'cluster', contender);
  if (!one || !six) return undefined;
  return { idsPerBatch: MODEL_BATCH, oneNode: costsOf(one), cluster: costsOf(six) };
}

export interface Loss {
  readonly title: string;
  readonly target: TargetKind;
  readonly rival: string;
  readonly figure: string;
  /** How many times worse we are. */
  readonly factor: number;
}

/** Less than this is noise, and so is what only some of the rounds say. */
const LOSS_FROM = 1.05;
const ROUNDS_AGREE = 0.75;

const JUDGED: readonly { figure: Figure; name: string; more: boolean }[] = [
  { figure: 'idsPerSecond', name: 'throughput', more: true },
  { figure: 'p50Ms', name: 'p50', more: false },
  { figure: 'p99Ms', name: 'p99', more: false },
  { figure: 'clientUsPerId', name: 'client CPU', more: false },
];

/**
 * Every figure in which a rival was better by more than noise, with the best one; the worst first.
 */
export function lossesOf(run: Run): Loss[] {
  const losses: Loss[] = [];
  for (const { name: work, title } of run.works) {
    for (const rival of run.cells.filter((cell) => cell.work === work)) {
      const ours = cellOf(run, work, rival.target, OURS);
      if (!ours || rival.contender === OURS) continue;
      for (const { figure, name, more } of JUDGED) {
        if (rival.contender.startsWith('redis-benchmark') && figure !== 'idsPerSecond') continue;
        const factor = more ? ratioOf(rival, ours, figure) : ratioOf(ours, rival, figure);
        if (factor === undefined || !(factor > LOSS_FROM)) continue;
        if (!roundsAgree(ours, rival, figure, more)) continue;
        losses.push({ title, target: rival.target, rival: rival.contender, figure: name, factor });
      }
    }
  }
  losses.sort((a, b) => b.factor - a.factor);
  const placeOf = ({ title, target, figure }: Loss): string => `${title} ${target} ${figure}`;
  const places = losses.map(placeOf);
  return losses.filter((loss, at) => places.indexOf(placeOf(loss)) === at);
}

/** Whether the rival was better in most of the rounds, each by itself. */
function roundsAgree(ours: Cell, rival: Cell, figure: Figure, more: boolean): boolean {
  const theirs = byRound(rival, figure);
  const better = byRound(ours, figure).filter((value, round) => {
    const other = theirs[round] ?? Number.NaN;
    return more ? other > value : other < value;
  });
  return better.length >= ROUNDS_AGREE * ours.samples.length;
}
