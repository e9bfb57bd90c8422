/** `fstore score`: the scores of a list of ids, or of everybody. */

import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { limits, type FeatureStore } from '../index.ts';
import { CommandError, usageError } from './command-error.ts';
import { addConnectionFlags, type ConnectionFlags } from './connection-flags.ts';
import { describeFailedId, FailedIds, fileLog, standardErrorLog } from './failed-ids.ts';
import * as fraudScorer from './fraud-scorer.ts';
import { listedIds, storedIds, type IdSource } from './id-source.ts';
import { wholeNumber } from './number-flag.ts';
import { openOutput, STANDARD_STREAM } from './open-output.ts';
import { inGroups, inSeconds, perSecond, startProgress } from './progress-line.ts';
import { FORMAT_NAMES, scoreFormatFor, type FormatName, type ScoreFormat } from './score-format.ts';
import { scoreIds, type ScoreTally } from './score-run.ts';
import { checkedScorer, loadScorer, type Scorer } from './scorer.ts';
import { withStore } from './with-store.ts';

interface ScoreFlags extends ConnectionFlags {
  readonly ids?: string;
  readonly all?: boolean;
  readonly features?: readonly string[];
  readonly scorer?: string;
  readonly out: string;
  readonly format?: FormatName;
  readonly absent: 'empty' | 'skip';
  readonly failedOut?: string;
  readonly chunkSize: number;
}

const BUILT_IN_SCORER = 'fraud';

const HELP = `
Every id gets one line, in the order of the ids. An id whose entity is absent, or has none of the
features, gets an empty score (null in JSON lines). An id that could not be read has no line: it is in
<out>.failed.jsonl with the reason, or on standard error with --out -, and the exit code is 1.
The file of --out, and that of failed ids, is replaced as a whole at the end, or not at all.
--all finds ids by SCAN: one may come twice while a server resizes its table.

A scorer is an ES module. Its numbers must be finite. An absent feature is not in its row; ask with
Object.hasOwn, as every object has names such as 'constructor':
  export const features = ['tx_count_7d', 'risk_segment']
  const count = (row) => (Object.hasOwn(row, 'tx_count_7d') ? Number(row.tx_count_7d) : 0)
  export function score(rows, ids) { return rows.map(count) }
A value that is not UTF-8 text makes its id one that could not be read, with the code NOT_TEXT.

Examples:
  $ fstore score --ids ids.txt --out scores.csv
  $ fstore score --all --scorer ./scorer.js --out scores.jsonl
  $ jq -r .id scores.csv.failed.jsonl | fstore score --ids - --out again.csv`;

export function addScoreCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('score')
    .description('read the features of many ids and write a score for each')
    .addOption(
      new Option('--ids <file>', 'ids, one per line; - is standard input').conflicts('all'),
    )
    .addOption(new Option('--all', 'every entity of the store'))
    .addOption(
      new Option(
        '--features <names>',
        "features to read, by comma (default: the scorer's)",
      ).argParser(featureNames),
    )
    .option('--scorer <module>', 'ES module that exports score(rows, ids) (default: a fraud model)')
    .option('--out <file>', '.csv or .jsonl; - is standard output', STANDARD_STREAM)
    .addOption(
      new Option('--format <name>', "instead of the file's extension").choices(FORMAT_NAMES),
    )
    .addOption(
      new Option('--absent <how>', 'absent entities: an empty score, or no line')
        .choices(['empty', 'skip'])
        .default('empty'),
    )
    .option('--failed-out <file>', 'failed ids as JSON lines (default: <out>.failed.jsonl)')
    .addOption(
      new Option('--chunk-size <ids>', 'ids that are read, and handed to the scorer, at once')
        .argParser(wholeNumber({ min: 1, max: limits.chunkSize }))
        .default(10_000),
    )
    .addHelpText('after', HELP)
    .action((flags: ScoreFlags) => score(flags, signal));
  addConnectionFlags(command);
}

async function score(flags: ScoreFlags, signal: AbortSignal): Promise<void> {
  if (flags.ids === undefined && !flags.all) throw usageError('give --ids <file>, or --all');
  const format = scoreFormatFor(flags.out, flags.format);
  const failedIds = new FailedIds(failedIdLogFor(flags));
  const scorer = flags.scorer
    ? await loadScorer(flags.scorer)
    : checkedScorer(BUILT_IN_SCORER, fraudScorer);
  const features = flags.features ?? scorer.features;
  if (features === undefined) {
    throw usageError(`give --features: scorer ${scorer.name} exports no list of features`);
  }
  const tally = await withStore(flags, signal, async (store) => {
    const source =
      flags.ids === undefined
        ? storedIds(store, signal)
        : await listedIds(flags.ids, store, (rows) => failedIds.add(rows));
    const plan: ScorePlan = { store, source, scorer, features, format, failedIds, signal };
    return writeScores(flags, plan);
  });
  summarize(flags.out, tally, failedIds);
}

interface ScorePlan {
  readonly store: FeatureStore;
  readonly source: IdSource;
  readonly scorer: Scorer;
  readonly features: readonly string[];
  readonly format: ScoreFormat;
  readonly failedIds: FailedIds;
  readonly signal: AbortSignal;
}

/** The files are there whole when this resolves, and not at all when it rejects. */
async function writeScores(flags: ScoreFlags, plan: ScorePlan): Promise<ScoreTally> {
  const { source, failedIds, ...settings } = plan;
  const output = await openOutput(flags.out);
  const progress = startProgress({
    unit: 'ids',
    total: source.total,
    hidden: flags.out === STANDARD_STREAM && process.stdout.isTTY,
  });
  try {
    const tally = await scoreIds({
      ...settings,
      ids: source.ids,
      failedIds,
      output,
      chunkSize: flags.chunkSize,
      absent: flags.absent,
      onProgress: (doneCount) => {
        progress.update(doneCount, source.total === undefined ? doneCount : source.position());
      },
    });
    await failedIds.commit();
    await output.commit();
    return tally;
  } catch (error) {
    await output.discard();
    await failedIds.discard();
    throw error;
  } finally {
    progress.stop();
    source.close();
  }
}

/** @throws CommandError when ids failed */
function summarize(out: string, tally: ScoreTally, failedIds: FailedIds): void {
  const { scoredCount, absentCount, shards, elapsedMs } = tally;
  const totalCount = scoredCount + absentCount + failedIds.count;
  const where = out === STANDARD_STREAM ? '' : ` to ${out}`;
  process.stderr.write(
    `Scored ${inGroups(scoredCount)} of ${inGroups(totalCount)} ids${where}: ` +
      `${inGroups(absentCount)} absent, ${inGroups(failedIds.count)} failed; ` +
      `${inSeconds(elapsedMs)}, ${perSecond(totalCount, elapsedMs)} ids/s\n` +
      `Ids read per shard: ${shards}\n`,
  );
  if (failedIds.count === 0) return;
  if (!failedIds.log.seen) {
    for (const row of failedIds.first) process.stderr.write(`  ${describeFailedId(row)}\n`);
  }
  throw new CommandError(
    'IDS_FAILED',
    `${inGroups(failedIds.count)} of ${inGroups(totalCount)} ids failed; they are ${failedIds.log.seen ? 'above' : `in ${failedIds.log.name}`}`,
  );
}

function failedIdLogFor({ out, failedOut }: ScoreFlags): FailedIds['log'] {
  if (failedOut === STANDARD_STREAM) throw usageError('--failed-out must be a file');
  if (failedOut !== undefined) {
    if (out !== STANDARD_STREAM && resolve(failedOut) === resolve(out)) {
      throw usageError('--out and --failed-out are the same file');
    }
    return fileLog(failedOut, { whenEmpty: 'write' });
  }
  if (out === STANDARD_STREAM) return standardErrorLog();
  return fileLog(`${out}.failed.jsonl`, { whenEmpty: 'remove' });
}

function featureNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes(''))
    throw new InvalidArgumentError('It has an empty name between its commas.');
  return names;
}
