/** The workflow runs `.ci/run` on each Node and each server that the project knows. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MATRIX } from '../../scripts/matrix/servers.ts';
import { NODE_LINES } from '../../scripts/nodes/node-binary.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Server {
  readonly kind: string;
  readonly product: string;
  readonly line: string;
}

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Job {
  readonly if?: string;
  readonly strategy?: {
    readonly 'fail-fast': boolean;
    readonly matrix: { readonly node?: readonly number[]; readonly server: readonly Server[] };
  };
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly jobs: Readonly<Record<'servers' | 'all' | 'matrix', Job>>;
}

const { on, jobs } = parse(read('.github/workflows/ci.yml')) as Workflow; // checked below
const action = parse(read('.github/actions/server/action.yml')) as {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly runs: { readonly steps: readonly Step[] };
};
const commands = ({ steps }: Job): string[] => steps.flatMap(({ run }) => run ?? []);
const servers = ({ strategy }: Job): readonly Server[] => strategy?.matrix.server ?? [];

describe('on each push and pull request', () => {
  it('.ci/run is called, without arguments, and can be', () => {
    expect(on).toMatchObject({ push: { branches: ['main'] }, pull_request: null });
    expect(commands(jobs.all)).toStrictEqual(['.ci/run']);
    expect(statSync(join(root, '.ci/run')).mode & 0o111).toBe(0o111);
  });

  it('no more is set than the variables that .ci/run reads', () => {
    const { env = {} } = jobs.all.steps.find(({ run }) => run === '.ci/run') ?? {};
    expect(Object.keys(env).toSorted()).toStrictEqual([
      'CHROMIUM_PATH',
      'OTHER_NODES',
      'REDIS_SERVER',
    ]);
    for (const name of ['CHROMIUM_PATH', 'OTHER_NODES']) {
      expect(read('.ci/run')).toContain(`\${${name}:-`);
    }
    expect(action.outputs).toHaveProperty('path');
    expect(env['REDIS_SERVER']).toBe('${{ steps.server.outputs.path }}');
  });

  it('on the Nodes of npm run test:nodes', () => {
    expect(jobs.all.strategy?.matrix.node?.map(String)).toStrictEqual(NODE_LINES);
  });

  it('on the servers of npm run test:matrix, all to their end', () => {
    expect(
      servers(jobs.all)
        .map(({ kind }) => kind)
        .toSorted(),
    ).toStrictEqual([...MATRIX].toSorted());
    expect(servers(jobs.servers)).toStrictEqual(servers(jobs.all));
    for (const { strategy } of [jobs.servers, jobs.all]) {
      expect(strategy?.['fail-fast']).toBe(false);
    }
  });

  it('a server without HSETEX is of the last line that has none', () => {
    const lines = servers(jobs.all).map(({ kind, product, line }) => [kind, `${product} ${line}`]);
    expect(Object.fromEntries(lines)).toStrictEqual({
      redis: 'redis 8',
      valkey: 'valkey 9',
      'without-hsetex': 'redis 7.4',
    });
  });
});

it('every night the matrix runs, on the newest lines', () => {
  expect(on).toHaveProperty('schedule');
  expect(jobs.matrix.if).toContain("github.event_name == 'schedule'");
  expect(commands(jobs.matrix)).toStrictEqual(['npm run test:matrix']);
  const built = jobs.matrix.steps.filter(({ uses }) => uses === './.github/actions/server');
  const newest = servers(jobs.all).filter(({ kind }) => kind !== 'without-hsetex');
  expect(built.map((step) => step.with)).toStrictEqual(
    newest.map(({ product, line }) => ({ product, line })),
  );
});

it('what it uses is pinned by major version, or there', () => {
  const steps = [...Object.values(jobs), action.runs].flatMap((job) => job.steps);
  const uses = steps.flatMap((step) => step.uses ?? []);
  expect(uses.length).toBeGreaterThan(5);
  const isPinned = (name: string): boolean =>
    name.startsWith('./')
      ? existsSync(join(root, name, 'action.yml'))
      : /^actions\/[\w-]+@v\d+$/.test(name);
  expect(uses.filter((name) => !isPinned(name))).toStrictEqual([]);
  for (const step of steps.filter(({ uses: name }) => name === './.github/actions/server')) {
    expect(Object.keys(step.with ?? {})).toStrictEqual(Object.keys(action.inputs));
  }
});
