/** What the command `top` asks: one call of the contract `overview`, again and again. */
import { systemClock } from "../../base/clock.ts";
import { createClient } from "../../wire/rpc/index.ts";
import { type AskChoices, type Asked, askNode } from "../node/ask-node.ts";
import { overviewContract, type Snapshot } from "./overview-contract.ts";

export type { Snapshot } from "./overview-contract.ts";

export function askOverview(choices: AskChoices, eventsAfter: number | undefined): Promise<Asked<Snapshot>> {
  const { timeoutMs } = choices;
  return askNode(choices, (transport) =>
    createClient(overviewContract, transport, { clock: systemClock, timeoutMs }).snapshot(
      eventsAfter === undefined ? {} : { events_after: eventsAfter },
    ),
  );
}
