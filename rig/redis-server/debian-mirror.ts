// The mirror of Debian that this machine already uses. apt is asked first, for it knows every
// format of its sources; but while it has no lists yet, as in a fresh container, it answers
// nothing, and the files are read.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const SOURCES = '/etc/apt/sources.list';

/** Rejects with the reason when there is none. */
export async function debianMirror(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (!/^ID="?debian"?$/mu.test(release)) throw new Error('this system is not Debian');
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)';
  const { stdout } = await run('apt-get', ['indextargets', '--format', format]);
  const mirror = chooseMirror(stdout) ?? chooseMirror(sourceTargets(await sourceFiles()));
  if (mirror === undefined) throw new Error("apt's sources name no mirror of Debian");
  return mirror;
}

/**
 * Out of lines `uri release component`: the first that is a whole Debian, not security, updates or
 * backports.
 */
export function chooseMirror(targets: string): string | undefined {
  for (const line of targets.split('\n')) {
    const [uri = '', release = '', component] = line.trim().split(' ');
    const whole = component === 'main' && !/[-/]/u.test(release);
    if (whole && /\/debian\/?$/u.test(uri)) return uri;
  }
  return undefined;
}

/** Lines `uri release component` of apt's source files, of either format. */
export function sourceTargets(files: readonly string[]): string {
  return files.flatMap((text) => [...oneLineTargets(text), ...stanzaTargets(text)]).join('\n');
}

/** `deb [options] uri release component …` */
function oneLineTargets(text: string): string[] {
  const lines = text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$/gmu);
  return [...lines].flatMap(([, uri = '', release = '', components = '']) =>
    words(components).map((component) => `${uri} ${release} ${component}`),
  );
}

/** `URIs:`, `Suites:` and `Components:` in paragraphs. */
function stanzaTargets(text: string): string[] {
  return text.split(/\n\s*\n/u).flatMap((stanza) => {
    const field = (name: string): string[] =>
      words(new RegExp(`^${name}:(.*)$`, 'imu').exec(stanza)?.[1] ?? '');
    if (field('Enabled')[0] === 'no') return [];
    return field('URIs').flatMap((uri) =>
      field('Suites').flatMap((suite) =>
        field('Components').map((component) => `${uri} ${suite} ${component}`),
      ),
    );
  });
}

async function sourceFiles(): Promise<string[]> {
  const folder = `${SOURCES}.d`;
  const names = await readdir(folder).catch(() => []);
  const paths = names.filter((name) => /\.(?:list|sources)$/u.test(name)).sort();
  return Promise.all(
    [SOURCES, ...paths.map((name) => join(folder, name))].map((path) =>
      readFile(path, 'utf8').catch(() => ''),
    ),
  );
}

function words(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== '');
}
