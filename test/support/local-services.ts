/** The services of a node with fake processes, stepped time and real files. */
import { seededRandom } from "../../src/base/random.ts";
import type { ServiceCaller } from "../../src/process/service/index.ts";
import {
  LocalServices,
  type LocalSettings,
  type ServiceCache,
  type ServiceNotice,
} from "../../src/work/service/local/index.ts";
import type { Invocation, ServiceDoor } from "../../src/work/service/words/index.ts";
import { type FakeFile, type FakeService, FakeServices } from "./fake-services.ts";
import { SteppedClock } from "./stepped-clock.ts";
import { Workspace } from "./workspace.ts";

export const NODE: ServiceCaller = { kind: "node", name: "n1", access: "node", scopes: [] };

export interface Answer {
  readonly pid: number;
  readonly version: string;
}

export interface RigOptions extends Partial<LocalSettings> {
  readonly cache?: ServiceCache;
  readonly door?: ServiceDoor;
}

export class LocalRig implements AsyncDisposable {
  readonly files = new Workspace();
  readonly clock = new SteppedClock();
  readonly hosts = new FakeServices(this.clock);
  readonly notices: ServiceNotice[] = [];
  readonly local: LocalServices;

  constructor({ cache, door, ...settings }: RigOptions = {}) {
    this.local = new LocalServices(
      { directories: [this.files.path], reserved: ["cluster"], ...settings },
      {
        clock: this.clock,
        random: seededRandom(1),
        load: this.hosts.load,
        door: () => door,
        cache,
        log: () => {},
        output: () => {},
        notice: (notice) => void this.notices.push(notice),
      },
    );
  }

  write(name: string, file: FakeFile = {}): string {
    return this.files.write(name, JSON.stringify(file));
  }

  call(method: string, more: Partial<Invocation> & { readonly signal?: AbortSignal } = {}): Promise<Answer> {
    const { signal, ...rest } = more;
    const call = invocation(method, rest);
    return this.local.call(call, signal).then((bytes) => JSON.parse(Buffer.from(bytes).toString()) as Answer);
  }

  /** Healthy processes by label. */
  healthy(): Record<string, number> {
    return Object.fromEntries(
      this.local.offers().map(({ description: { name, version }, healthy }) => [`${name}@${version}`, healthy]),
    );
  }

  /** The one process of that version that lives. */
  process(version = "1.0.0"): FakeService {
    const found = this.hosts.living.filter((each) => each.version === version);
    if (found.length !== 1) throw new Error(`${found.length} processes of ${version} live`);
    return found[0]!;
  }

  /** Whatever is under way without time passing, and what is due by then. */
  async settle(ms = 0): Promise<void> {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    this.clock.advance(ms);
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.local.close();
    for (const process of this.hosts.all) process.kill("the test is over");
    await closing;
    this.files[Symbol.dispose]();
  }
}

export function invocation(method: string, more: Partial<Invocation> = {}): Invocation {
  const params = Buffer.from("{}");
  return { service: "users", version: "1.0.0", method, params, caller: NODE, timeoutMs: 5_000, ...more };
}

/** What a promise has become, without waiting for it longer than microtasks take. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "";
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown); // failures have a code
  }
}
