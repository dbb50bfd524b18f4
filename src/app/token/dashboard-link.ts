/** Where the dashboard of a running node is, with a token in the part of the address that browsers send to nobody. */
import { systemClock } from "../../base/clock.ts";
import { createClient } from "../../wire/rpc/index.ts";
import { type AskChoices, type Asked, askNode } from "../node/ask-node.ts";
import { clusterContract } from "../node/cluster-contract.ts";
import { asAdmin } from "./as-admin.ts";
import { authContract } from "./auth-contract.ts";

export interface DashboardLink {
  readonly url: string;
  readonly expires_in: number;
}

/** Long enough to watch something; whoever stays longer asks again. */
const LIFETIME_S = 3_600;

export function askDashboard(choices: AskChoices): Promise<Asked<DashboardLink>> {
  const options = { clock: systemClock, timeoutMs: choices.timeoutMs };
  return askNode(asAdmin(choices), async (transport) => {
    const auth = createClient(authContract, transport, options);
    const cluster = createClient(clusterContract, transport, options);
    const [{ self }, { isTls }] = await Promise.all([cluster.status({}), auth.whoami({})]);
    const { expires_in, token } = await auth.token({ subject: "dashboard", role: "operator", expires_in: LIFETIME_S });
    return { url: `${isTls ? "https" : "http"}://${self.address}/#token=${token}`, expires_in };
  });
}
