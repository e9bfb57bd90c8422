import { expect, test } from 'vitest';
import { firstAnswers } from '../../../src/cluster/control/first-answers.ts';

const never = new Promise<undefined>(() => undefined);
const GRACE_MS = 20;

test('the first answer is waited for, and those that come with it', async () => {
  const questions = [Promise.resolve('a'), Promise.resolve(undefined), Promise.resolve('b')];
  expect(await firstAnswers(questions, GRACE_MS)).toStrictEqual(['a', 'b']);
});

test('who never answers holds nobody up once there is an answer', async () => {
  expect(await firstAnswers([never, Promise.resolve('a'), never], GRACE_MS)).toStrictEqual(['a']);
});

test('without an answer all are waited for', async () => {
  expect(await firstAnswers([Promise.resolve(undefined)], GRACE_MS)).toStrictEqual([]);
  expect(await firstAnswers([], GRACE_MS)).toStrictEqual([]);
  let answer: (value: undefined) => void = () => undefined;
  const late = new Promise<undefined>((resolve) => {
    answer = resolve;
  });
  let done = false;
  const answers = firstAnswers([late, Promise.resolve(undefined)], GRACE_MS).then((given) => {
    done = true;
    return given;
  });
  await new Promise(setImmediate);
  expect(done).toBe(false);
  answer(undefined);
  expect(await answers).toStrictEqual([]);
});

test('what comes later is not among what was given', async () => {
  let tell: (value: string) => void = () => undefined;
  const late = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const answers = await firstAnswers([Promise.resolve('a'), late], 1);
  tell('b');
  await late;
  expect(answers).toStrictEqual(['a']);
});
