import { limits } from '../../src/index.ts';

/**
 * What one node says about the cluster: its CLUSTER NODES lines, CLUSTER INFO and INFO replication.
 */
export interface NodeView {
  readonly port: number;
  readonly state: string;
  readonly known: readonly KnownNode[];
  readonly linkStatus: string | undefined;
}

/** One line of CLUSTER NODES. */
export interface KnownNode {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly flags: readonly string[];
  readonly role: 'primary' | 'replica';
  readonly primaryId: string | undefined;
  readonly connected: boolean;
  readonly slotCount: number;
  /** As the server prints them, without slots on the move: `0-5460`. */
  readonly slotRanges: readonly string[];
}

export const SLOT_COUNT: number = limits.slotCount;

/** `key:value` lines, as INFO and CLUSTER INFO print them. */
export function parseInfo(text: string): Map<string, string> {
  const facts = new Map<string, string>();
  for (const line of text.split(/\r?\n/u)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) facts.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return facts;
}

export function parseClusterNodes(text: string): KnownNode[] {
  return text
    .split(/\r?\n/u)
    .filter((line) => line.trim() !== '')
    .map((line) => parseLine(line));
}

function parseLine(line: string): KnownNode {
  const [id = '', address = '', flagWords = '', primaryId = '-', , , , link = '', ...slots] =
    line.split(' ');
  const [hostAndPort = ''] = address.split('@');
  const colon = hostAndPort.lastIndexOf(':');
  const flags = flagWords.split(',');
  const slotRanges = slots.filter((slot) => slot !== '' && !slot.startsWith('['));
  return {
    id,
    host: hostAndPort.slice(0, colon),
    port: Number(hostAndPort.slice(colon + 1)),
    flags,
    role: flags.includes('slave') ? 'replica' : 'primary',
    primaryId: primaryId === '-' ? undefined : primaryId,
    connected: link === 'connected',
    slotCount: slotRanges.reduce((sum, range) => sum + rangeLength(range), 0),
    slotRanges,
  };
}

function rangeLength(range: string): number {
  const [first = '0', last = first] = range.split('-');
  return Number(last) - Number(first) + 1;
}

/** Why this is not a healthy cluster of `nodeCount` nodes; nothing when it is. */
export function clusterProblems(views: readonly NodeView[], nodeCount: number): string[] {
  return views.flatMap((view) => viewProblems(view, nodeCount).map((p) => `${view.port}: ${p}`));
}

function viewProblems(view: NodeView, nodeCount: number): string[] {
  const problems: string[] = [];
  if (view.state !== 'ok') problems.push(`cluster_state is ${view.state}`);
  if (view.known.length !== nodeCount) {
    problems.push(`knows ${view.known.length} of ${nodeCount} nodes`);
  }
  for (const node of view.known) {
    const bad = node.flags.filter((flag) => /^(?:fail\??|handshake|noaddr)$/u.test(flag));
    if (bad.length > 0) problems.push(`sees ${node.port} as ${bad.join(',')}`);
    else if (!node.connected) problems.push(`has no link to ${node.port}`);
  }
  const covered = coveredSlots(view);
  if (covered !== SLOT_COUNT) problems.push(`${SLOT_COUNT - covered} slots are not covered`);
  if (view.linkStatus !== undefined && view.linkStatus !== 'up') {
    problems.push(`its link to its primary is ${view.linkStatus}`);
  }
  return problems;
}

/** How many slots have a primary that is not known to have failed. */
export function coveredSlots(view: NodeView): number {
  return view.known
    .filter((node) => node.role === 'primary' && !node.flags.includes('fail'))
    .reduce((sum, node) => sum + node.slotCount, 0);
}

/** What this node says about itself. */
export function itself(view: NodeView): KnownNode | undefined {
  return view.known.find((node) => node.flags.includes('myself'));
}
