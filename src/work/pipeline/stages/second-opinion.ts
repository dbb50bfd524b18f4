/**
 * What the old host, which a swap keeps in reserve, makes of a request that the new one has failed: it goes through the same
 * bytes, into the same slot. What it has done well is done, and the batch goes on with that; what it fails too is the batch's
 * own fault. It does not judge which plugin is better, and it never waits longer than a batch may take.
 */
import type { Clock } from "../../../base/clock.ts";
import type { FromHost } from "../../../process/plugin/index.ts";
import { doneFault, doneOf, failureOf, type Sent, type Tried } from "./lane-request.ts";
import type { StageHost } from "./stage-host.ts";

/** Nothing where the host could not say: the slot was too small for what it made of it. Never rejects. */
export function secondOpinion(host: StageHost, sent: Sent, clock: Clock): Promise<Tried | undefined> {
  return new Promise((resolve) => {
    const { timeoutMs } = host.plan;
    const late = `did not finish a batch within ${timeoutMs} ms and was killed`;
    let cause: "crash" | "timeout" = "crash";
    const timer = clock.after(timeoutMs, () => {
      cause = "timeout";
      host.kill(late);
    });
    const answer = (opinion: Tried | undefined): void => {
      timer.cancel();
      host.use(undefined);
      host.busy(false);
      resolve(opinion);
    };
    host.busy(true);
    host.use({
      message: (message) => heard(host, sent, message, answer),
      exited: ({ reason }) =>
        answer({ kind: "failed", cause, code: `plugin.${cause}`, reason: `the plugin's process ${reason}` }),
    });
    const output = [sent.slot.offset, sent.slot.capacityBytes] as const;
    host.send({ t: "process", request: sent.number, output, ...sent.message });
  });
}

function heard(host: StageHost, sent: Sent, message: FromHost, answer: (opinion: Tried | undefined) => void): void {
  if (!("request" in message) || message.request !== sent.number)
    return host.kill(`answered ${message.t} out of turn and was killed`);
  if (message.t === "need") {
    sent.outgrownBytes = message.bytes;
    return host.send({ t: "grant", request: sent.number, output: [0, 0] }); // there is no larger slot: it fails by itself
  }
  if (message.t === "done") {
    const fault = doneFault(sent, message);
    return fault === undefined ? answer(doneOf(sent, message)) : host.kill(fault);
  }
  if (message.t !== "failed") return;
  const outcome = failureOf(sent, message);
  answer(outcome.kind === "failed" ? outcome : undefined);
}
