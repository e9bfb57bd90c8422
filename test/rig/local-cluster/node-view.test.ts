import { describe, expect, test } from 'vitest';
import { slotShares } from '../../../rig/local-cluster/form-cluster.ts';
import { takeover } from '../../../rig/local-cluster/dev-cluster.ts';
import {
  clusterProblems,
  itself,
  type NodeView,
  parseClusterNodes,
  parseInfo,
} from '../../../rig/local-cluster/node-view.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);

const HEALTHY = `${A} 127.0.0.1:7000@17000,host.name myself,master - 0 0 1 connected 0-8191
${B} 127.0.0.1:7001@17001 master - 0 1 2 connected 8192-16382 16383
${C} 127.0.0.1:7002@17002 slave ${A} 0 1 1 connected
`;

function view(nodes: string, more: Partial<NodeView> = {}): NodeView {
  return {
    port: 7000,
    state: 'ok',
    known: parseClusterNodes(nodes),
    linkStatus: undefined,
    ...more,
  };
}

describe('CLUSTER NODES', () => {
  test('gives each node its role, address, primary and slots', () => {
    const known = parseClusterNodes(HEALTHY);
    expect(known.map(({ port, role, slotCount }) => [port, role, slotCount])).toEqual([
      [7000, 'primary', 8192],
      [7001, 'primary', 8192],
      [7002, 'replica', 0],
    ]);
    expect(known[2]?.primaryId).toBe(A);
    expect(known[0]?.primaryId).toBeUndefined();
    expect(itself(view(HEALTHY))?.id).toBe(A);
  });

  test('does not count a slot on the move twice', () => {
    const [node] = parseClusterNodes(
      `${A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-99 [50->-${B}]`,
    );
    expect(node?.slotCount).toBe(100);
    expect(node?.slotRanges).toEqual(['0-99']);
  });

  test('reads an address in brackets or without a host', () => {
    const [bare] = parseClusterNodes(`${A} :7000@17000 myself,master - 0 0 1 connected`);
    expect(bare).toMatchObject({ host: '', port: 7000 });
    const [six] = parseClusterNodes(`${A} ::1:7000@17000 master - 0 0 1 connected`);
    expect(six).toMatchObject({ host: '::1', port: 7000 });
  });
});

test('INFO gives its facts, values with colons too', () => {
  const facts = parseInfo('# Server\r\nredis_version:8.0.6\r\nconfig_file:/a:b\r\n');
  expect([...facts]).toEqual([
    ['redis_version', '8.0.6'],
    ['config_file', '/a:b'],
  ]);
});

describe('a cluster', () => {
  test('is healthy when every node sees it whole', () => {
    expect(clusterProblems([view(HEALTHY)], 3)).toEqual([]);
  });

  test.each([
    ['a state that is not ok', view(HEALTHY, { state: 'fail' }), 'cluster_state is fail'],
    [
      'a replica without its link',
      view(HEALTHY, { linkStatus: 'down' }),
      'link to its primary is down',
    ],
    [
      'a node that failed',
      view(HEALTHY.replace(' master - 0 1', ' master,fail - 0 1')),
      'sees 7001 as fail',
    ],
    [
      'a suspicion',
      view(HEALTHY.replace(' master - 0 1', ' master,fail? - 0 1')),
      'sees 7001 as fail?',
    ],
    ['a handshake', view(HEALTHY.replace('slave', 'handshake')), 'sees 7002 as handshake'],
    ['slots of nobody', view(HEALTHY.replace('0-8191', '0-8000')), '191 slots are not covered'],
    [
      'a lost bus link',
      view(HEALTHY.replace('1 connected\n', '1 disconnected\n')),
      'has no link to 7002',
    ],
  ])('is not healthy with %s', (_name, seen, problem) => {
    expect(clusterProblems([seen], 3).join('\n')).toContain(problem);
  });

  test('is not healthy while a node knows too few', () => {
    expect(clusterProblems([view(HEALTHY)], 6)).toEqual(['7000: knows 3 of 6 nodes']);
  });
});

describe('a takeover', () => {
  const three = `${A} 127.0.0.1:7000@17000 master - 0 0 1 connected 0-5460
${B} 127.0.0.1:7001@17001 master - 0 1 2 connected 5461-10922
${C} 127.0.0.1:7002@17002 master - 0 1 3 connected 10923-16383
${'d'.repeat(40)} 127.0.0.1:7003@17003 myself,slave ${A} 0 1 1 connected
${'e'.repeat(40)} 127.0.0.1:7004@17004 slave ${B} 0 1 2 connected
`;

  test('is done when the living hold every slot', () => {
    expect(takeover(view(three), new Set([7000, 7001, 7002]))).toBe('done');
  });

  test('is pending when the dead primary has a living replica and most primaries live', () => {
    expect(takeover(view(three), new Set([7001, 7002, 7003, 7004]))).toBe('pending');
  });

  test('is impossible without a replica of the dead primary', () => {
    expect(takeover(view(three), new Set([7000, 7001, 7003, 7004]))).toBe('impossible');
  });

  test('is impossible without most of the primaries', () => {
    expect(takeover(view(three), new Set([7002, 7003, 7004]))).toBe('impossible');
  });
});

test.each([1, 2, 3, 5, 7])('%d primaries share all slots, each once', (primaries) => {
  const shares = slotShares(primaries);
  expect(shares[0]?.[0]).toBe(0);
  expect(shares.at(-1)?.[1]).toBe(16_383);
  const next = shares.map(([, last]) => last + 1);
  expect(shares.slice(1).map(([first]) => first)).toEqual(next.slice(0, -1));
});
