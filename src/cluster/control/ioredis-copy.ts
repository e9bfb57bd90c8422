/**
 * Is this an ioredis object that the store can stand on?
 *
 * An application often has another copy of ioredis than the store, and `instanceof` knows one copy
 * only. So an object is judged by what it can do, and by the version of its package where that can
 * be found: ioredis keeps its version on no object, but Node keeps every CommonJS module that it
 * has loaded, and the one that exports the object's class lies in the folder of its package. Where
 * a bundler has put all into one file there is no such module, and the shape alone decides.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { IOREDIS_RANGE, isOfThisCopy, type Cluster, type Redis } from '../lanes/ioredis.ts';

/** What is called or read of every ioredis object, and of a Cluster besides. */
const SHAPE = {
  options: 'object',
  status: 'string',
  isCluster: 'boolean',
  call: 'function',
  connect: 'function',
  disconnect: 'function',
  on: 'function',
  once: 'function',
  off: 'function',
} as const;
const CLUSTER_SHAPE = { nodes: 'function', refreshSlotsCache: 'function' } as const;

/**
 * Files of ioredis that export its classes: built/Redis.js, built/cluster/index.js,
 * built/redis/index.js.
 */
const CLASS_FILE = /[\\/]built[\\/](redis|cluster)([\\/]index)?\.js$/i;

const require = createRequire(import.meta.url);

export type Judgement =
  | { readonly redis: Cluster | Redis }
  /** Why not, to follow "redis". */
  | { readonly trouble: string };

/** The object itself, or what is wrong with it. */
export function judgeRedis(value: object): Judgement {
  // A cast, as the classes of another copy are other types; the shape has been looked at.
  const redis = value as Cluster | Redis;
  if (isOfThisCopy(value)) return { redis };
  const maker = packageOf(value);
  if (maker && !(maker.name === 'ioredis' && isInRange(maker.version))) {
    return {
      trouble:
        `was made by ${maker.name} ${maker.version}; this store works with objects of ioredis ` +
        `${IOREDIS_RANGE}, and has ${ownVersion()} itself`,
    };
  }
  const missing = missingIn(value);
  if (missing.length === 0) return { redis };
  return {
    trouble:
      `must be an ioredis Cluster or Redis (${IOREDIS_RANGE}; the store's own copy is ` +
      `${ownVersion()}), but it lacks ${missing.join(', ')}`,
  };
}

function missingIn(value: object): string[] {
  const shape: Record<string, string> =
    Reflect.get(value, 'isCluster') === true ? { ...SHAPE, ...CLUSTER_SHAPE } : SHAPE;
  return Object.entries(shape)
    .filter(([name, type]) => {
      const member: unknown = Reflect.get(value, name);
      return typeof member !== type || member === null;
    })
    .map(([name]) => name);
}

interface Package {
  readonly name: string;
  readonly version: string;
}

/** The package whose class made the object; nothing where no loaded module exports it. */
function packageOf(value: object): Package | undefined {
  try {
    const prototypes = prototypesOf(value);
    for (const [path, module] of Object.entries(require.cache)) {
      if (!module || !CLASS_FILE.test(path)) continue;
      const { exports } = module as { exports: unknown };
      const classes = [exports, isObject(exports) ? Reflect.get(exports, 'default') : undefined];
      const isMaker = classes.some(
        (Class) => isObject(Class) && prototypes.has(Reflect.get(Class, 'prototype')),
      );
      if (isMaker) return packageAbove(path);
    }
  } catch {
    // A proxy, or a module loader that keeps no such list: the shape decides.
  }
  return undefined;
}

/** Not `constructor`: ioredis mixes EventEmitter's own into its classes. */
function prototypesOf(value: object): Set<unknown> {
  const prototypes = new Set<unknown>();
  for (
    let prototype: unknown = Object.getPrototypeOf(value);
    isObject(prototype) && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    prototypes.add(prototype);
  }
  return prototypes;
}

/** package.json of the nearest folder above that has one. */
function packageAbove(path: string): Package | undefined {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const { name, version }: Partial<Package> = JSON.parse(
        readFileSync(join(folder, 'package.json'), 'utf8'),
      ) as Partial<Package>; // npm's own
      if (name !== undefined && version !== undefined) return { name, version };
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

function ownVersion(): string {
  try {
    return (require('ioredis/package.json') as Package).version;
  } catch {
    return 'an unknown version'; // a bundler has left the file out
  }
}

/** Whether a version is in IOREDIS_RANGE: carets of whole versions, none of them of major 0. */
export function isInRange(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = numbersOf(version);
  if (version.includes('-')) return false;
  return IOREDIS_RANGE.split(' || ').some((part) => {
    const [leastMajor, leastMinor = 0, leastPatch = 0] = numbersOf(part);
    return (
      major === leastMajor && (minor > leastMinor || (minor === leastMinor && patch >= leastPatch))
    );
  });
}

function numbersOf(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number);
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' || typeof value === 'function') && value !== null;
}
