/**
 * Puts a running instance on its control socket. What can be done to the instance is told by a narrow interface; names are
 * resolved here, once. An instance that cannot be reached still does its work: failing to open the socket is one warning.
 * The contracts and their schemas are loaded when the first call comes.
 */
import { systemClock } from "../../base/clock.ts";
import { toFailure } from "../../base/errors.ts";
import type { Service } from "../../wire/rpc/index.ts";
import type { Source } from "../../work/pipeline/source/index.ts";
import type { InstanceInfo } from "./contract.ts";
import type { ControlServer } from "./control-server.ts";
import type { InstanceControl } from "./instance-control.ts";

export interface ServingPorts {
  /** Told once, when the socket cannot be opened, and for each defect met while serving. */
  readonly warn: (text: string) => void;
  /** What is answered besides; asked when the first call comes. */
  readonly more?: (() => Promise<readonly Service[]>) | undefined;
  /** Takes records that gateways bring. */
  readonly post?: Source["post"];
}

export async function serveInstance(
  control: InstanceControl,
  info: Omit<InstanceInfo, "pid">,
  { more, post, warn }: ServingPorts,
): Promise<ControlServer> {
  const report = (what: string, thrown: unknown): void =>
    warn(`${what}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  try {
    const { startControlServer } = await import("./control-server.ts");
    const open = async () => {
      const { answerInstance } = await import("./instance-service.ts");
      const options = { clock: systemClock, report, more: (await more?.()) ?? [] };
      const { answerPosts } = await import("./post-records.ts");
      return answerPosts(post, answerInstance(control, { pid: process.pid, ...info }, options));
    };
    return await startControlServer({ dataDir: info.dataDir, info, open, clock: systemClock });
  } catch (thrown) {
    const { message } = toFailure(thrown, "control.cannot_open");
    warn(`ps, stop, restart, swap and reload will not reach this run: ${message}`);
    return { path: undefined, close: async () => {} };
  }
}
