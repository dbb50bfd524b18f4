/** The asking side of everybody who runs JavaScript: so many loops at once, each asks again when it has its answer. */
import type { Step } from "./contestant.ts";

export async function askInSteps(
  steps: readonly Step[],
  ask: Readonly<Record<Step["payload"], () => Promise<unknown>>>,
): Promise<number[]> {
  const rates: number[] = [];
  for (const { inFlight, payload, warmMs, ms } of steps) {
    await askFor(warmMs, inFlight, ask[payload]);
    rates.push(await askFor(ms, inFlight, ask[payload]));
  }
  return rates;
}

async function askFor(ms: number, inFlight: number, ask: () => Promise<unknown>): Promise<number> {
  const fromMs = performance.now();
  const untilMs = fromMs + ms;
  let answers = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      await ask();
      answers++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return (answers * 1000) / (performance.now() - fromMs);
}
