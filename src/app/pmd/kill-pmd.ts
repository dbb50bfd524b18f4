/** Ends a port mapper in order, and waits until its port is free. */
import { pause, systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { NOT_RUNNING, PMD_HOST } from "../../cluster/pmd/index.ts";
import { openPmdClient, type PmdPlace } from "./open-pmd.ts";

/** It drains for a second at most. */
const END_TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 20;

/** Its process number. Another one that was started in the meantime counts as the end of this one. */
export async function killPmd(place: PmdPlace): Promise<{ readonly pid: number }> {
  const client = openPmdClient(place);
  const { life } = await client.identify();
  const killed = await client.methods.kill({});
  const endMs = systemClock.monotonic() + END_TIMEOUT_MS;
  for (;;) {
    const now = await client.identify().catch((thrown): unknown => thrown);
    if (now instanceof Failure && now.code === NOT_RUNNING) return killed;
    if (!(now instanceof Error) && (now as { life?: string }).life !== life) return killed;
    if (systemClock.monotonic() > endMs) {
      const message = `the port mapper at ${PMD_HOST}:${place.port} (process ${killed.pid}) was told to end and still answers after ${END_TIMEOUT_MS} ms`;
      throw new Failure("pmd.cannot_kill", message, { retryable: true });
    }
    await pause(systemClock, LOOK_EVERY_MS);
  }
}
