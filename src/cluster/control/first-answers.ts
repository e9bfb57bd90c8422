import { orLate } from '../../runtime/timer.ts';

/**
 * What came in time: the first answer is waited for, and from it on the others `graceMs` longer, no
 * more.
 */
export async function firstAnswers<Answer>(
  questions: readonly Promise<Answer | undefined>[],
  graceMs: number,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let anyAnswered = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    anyAnswered = resolve;
  });
  const all = Promise.all(
    questions.map(async (question) => {
      const answer = await question;
      if (answer === undefined) return;
      answers.push(answer);
      anyAnswered();
    }),
  );
  await Promise.race([first, all]);
  await orLate(graceMs, all);
  return [...answers];
}
