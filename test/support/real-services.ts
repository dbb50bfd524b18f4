/** The services of a node that is a cluster of its own, in real processes of the program as it stands in the sources. */

import { type NodeServices, openServices } from "../../src/app/service/open-services.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { Workspace } from "./workspace.ts";

const CALLER = { kind: "node", name: "n1", access: "node", scopes: [] } as const;

export class RealServices implements AsyncDisposable {
  readonly #files = new Workspace();
  readonly services: NodeServices;
  readonly said: string[] = [];

  constructor() {
    const sink = ({ fields, message }: { readonly message: string; readonly fields: unknown }): void => {
      this.said.push(`${message} ${JSON.stringify(fields)}`);
    };
    this.#files.write("services/README.md", "");
    this.services = openServices({
      settings: { directories: [this.at()], passEnv: [], watch: false, memoryBytes: 2 ** 29 },
      self: "n1",
      dataDir: this.#files.at("state"),
      logger: createLogger({ name: "n1", level: "debug", clock: systemClock, sink }),
    });
  }

  at(...names: string[]): string {
    return this.#files.at("services", ...names);
  }

  write(name: string, text: string): string {
    return this.#files.write(`services/${name}`, text);
  }

  /** As a node would; resolves when all that was found serves or has failed. */
  async start(): Promise<void> {
    const self = { id: "n1" } as Parameters<NodeServices["opened"]>[0]["membership"]["self"]; // of a member the id is used
    const nobody = () => Promise.reject(new Error("there is no other node"));
    this.services.opened({
      membership: { self, members: () => [], on: () => () => {} },
      links: { byId: () => undefined, get: nobody },
      services: [],
    });
    await this.services.local.rescan();
  }

  async call(target: string, params: unknown = {}): Promise<unknown> {
    const at = target.lastIndexOf(".");
    const [service, method] = [target.slice(0, at), target.slice(at + 1)];
    const bytes = Buffer.from(JSON.stringify(params));
    const call = { service, method, params: bytes, timeoutMs: 10_000, caller: CALLER };
    return JSON.parse(Buffer.from(await this.services.door.call(call)).toString());
  }

  /** So many callers at once that go on until they are told to end. */
  load(targets: readonly string[], callers: number) {
    let [answers, isOver] = [0, false];
    const failures: string[] = [];
    const run = async (caller: number): Promise<void> => {
      for (let turn = caller; !isOver; turn++) {
        const code = await this.codeOf(this.call(targets[turn % targets.length]!));
        if (code === "") answers++;
        else failures.push(code);
      }
    };
    const all = Promise.all(Array.from({ length: callers }, (_, caller) => run(caller)));
    const end = async () => {
      isOver = true;
      await all;
      return { answers, failures };
    };
    return { end };
  }

  async codeOf(work: Promise<unknown>): Promise<string> {
    try {
      await work;
      return "";
    } catch (thrown) {
      return (thrown as { code?: string }).code ?? String(thrown); // failures have a code
    }
  }

  statusOf(service: string) {
    const found = this.services.local.statuses().find(({ name }) => name === service);
    if (!found) throw new Error(`${service} is not here; it said:\n${this.said.join("\n")}`);
    return found;
  }

  /** Of processes that serve. */
  pidsOf(service: string): readonly number[] {
    return this.statusOf(service).processes.flatMap(({ pid, state }) => (pid && state === "serving" ? [pid] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.services.closed();
    this.#files[Symbol.dispose]();
  }
}
