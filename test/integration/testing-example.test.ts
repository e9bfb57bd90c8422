/** examples/testing-a-service.ts needs no servers: its own tests run in a project of a user's. */

import { expect, it, onTestFinished } from 'vitest';
import { ExampleProject } from './example-project.ts';

it('examples/testing-a-service.ts passes its tests', async () => {
  const project = new ExampleProject();
  onTestFinished(() => project[Symbol.dispose]());
  const { exitCode, stdout, stderr } = await project.run('testing-a-service.ts', { replace: {} });
  expect({ exitCode, stderr }).toStrictEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/\bpass 5\b/);
  expect(stdout).toMatch(/\bfail 0\b/);
});
