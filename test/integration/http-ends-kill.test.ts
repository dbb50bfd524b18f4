/** Network ends under kill -9: what was acknowledged is in the output once, through one run or through two behind each other. */
import { describe, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { freePort } from "../support/free-port.ts";
import { plugin } from "../support/plugins.ts";
import type { Program } from "../support/program.ts";
import { until } from "../support/until.ts";
import { Workspace, withSummary } from "../support/workspace.ts";

const COMMAND = ["run", "pipeline.txt", "--json"];
const SETTINGS = "batch_rows=20,checkpoint_interval=50ms";
const KILLS = 4;
const SENDERS = 4;
const RECORDS_PER_REQUEST = 3;
/** Longer than any request takes; what hangs fails the test. */
const SEND_TIMEOUT_MS = 10_000;

/** Sends until told to end. With keys each request is repeated until it is acknowledged; without, each is sent once. */
class Sender {
  readonly acknowledged: string[] = [];
  readonly sent: string[] = [];
  readonly #url: string;
  readonly #name: string;
  readonly #hasKeys: boolean;
  #isEnding = false;
  readonly #done: Promise<void>;

  constructor(url: string, name: string, hasKeys: boolean) {
    this.#url = url;
    this.#name = name;
    this.#hasKeys = hasKeys;
    this.#done = this.#run();
  }

  end(): Promise<void> {
    this.#isEnding = true;
    return this.#done;
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#isEnding; number++) {
      const ids = Array.from({ length: RECORDS_PER_REQUEST }, (_, i) => `${this.#name}-${number}-${i}`);
      const body = ids.map((id) => `${JSON.stringify({ id })}\n`).join("");
      this.sent.push(...ids);
      const key = `${this.#name}-${number}`;
      let isTaken = await this.#post(body, key);
      if (!isTaken && this.#hasKeys) isTaken = await until(`${key} is taken`, () => this.#post(body, key));
      if (isTaken) this.acknowledged.push(...ids);
    }
  }

  async #post(body: string, key: string): Promise<boolean> {
    const headers = { "content-type": "application/x-ndjson", ...(this.#hasKeys && { "idempotency-key": key }) };
    const signal = AbortSignal.timeout(SEND_TIMEOUT_MS);
    const answer = await fetch(this.#url, { method: "POST", body, headers, proxy: "", signal }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer && ![202, 429, 503].includes(answer.status)) throw new Error(`${key}: ${answer.status}`);
    return answer?.status === 202;
  }
}

function idsIn(space: Workspace, name: string): string[] {
  return space.exists(name) ? space.records(name).map(({ id }) => String(id)) : [];
}

/** Each one once, and those of one sender in the order in which he sent them. */
function expectOnce(found: readonly string[], senders: readonly Sender[]): void {
  const count = new Map<string, number>();
  for (const id of found) count.set(id, (count.get(id) ?? 0) + 1);
  const twice = [...count].filter(([, times]) => times > 1).map(([id]) => id);
  expect(twice).toEqual([]);
  for (const { acknowledged, sent } of senders) {
    const own = new Set(sent);
    const came = found.filter((id) => own.has(id));
    expect(acknowledged.filter((id) => !count.has(id))).toEqual([]);
    expect(came).toEqual(sent.filter((id) => count.has(id)));
  }
}

function httpSource(space: Workspace, port: number, sink: string): void {
  space.write("pass.ts", plugin({}));
  space.pipeline(["pass|pass.ts|"], {
    settings: SETTINGS,
    source: `http|listen=127.0.0.1:${port},path=/records`,
    sink,
  });
}

async function stopped(program: Program): Promise<void> {
  program.signal("SIGTERM");
  const { code, summary } = withSummary(await program.done);
  expect(code).toBe(143);
  expect(summary).toMatchObject({ run: "stopped", faults: [] });
}

describe("network ends under kill -9", () => {
  test("every record that an HTTP source acknowledged is in the output once when the run is killed again and again", async () => {
    using space = new Workspace();
    const port = freePort();
    httpSource(space, port, "ndjson|path=out.ndjson");
    const url = `http://127.0.0.1:${port}/records`;
    const senders = Array.from({ length: SENDERS }, (_, i) => new Sender(url, `s${i}`, i % 2 === 0));
    const acknowledged = (): number => senders.reduce((sum, sender) => sum + sender.acknowledged.length, 0);
    for (let kill = 0; kill < KILLS; kill++) {
      await using program = space.start(COMMAND);
      const before = acknowledged();
      await program.until("it acknowledges", () => acknowledged() > before + 100);
      await program.killHard();
    }
    await using program = space.start(COMMAND);
    const before = acknowledged();
    await program.until("it acknowledges again", () => acknowledged() > before);
    await Promise.all(senders.map((sender) => sender.end()));
    const all = new Set(senders.flatMap((sender) => sender.acknowledged));
    await program.until("all of it is written", () => {
      const found = new Set(idsIn(space, "out.ndjson"));
      return [...all].every((id) => found.has(id));
    });
    await stopped(program);
    expectOnce(idsIn(space, "out.ndjson"), senders);
  });

  test("an HTTP sink behind an HTTP source delivers once to another run when either of them is killed", async () => {
    using first = new Workspace();
    using second = new Workspace();
    const [firstPort, secondPort] = [freePort(), freePort()];
    httpSource(second, secondPort, "ndjson|path=out.ndjson");
    httpSource(first, firstPort, `http|url=http://127.0.0.1:${secondPort}/records`);
    const sender = new Sender(`http://127.0.0.1:${firstPort}/records`, "s", true);
    const came = (): number => second.sizeOf("out.ndjson");
    let [sending, taking] = [first.start(COMMAND), second.start(COMMAND)];
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        const before = came();
        await sending.until("records come", () => came() > before + 1000);
        if (kill % 2 === 0) {
          await sending.killHard();
          sending = first.start(COMMAND);
        } else {
          await taking.killHard();
          taking = second.start(COMMAND);
        }
      }
      const before = came();
      await sending.until("records come again", () => came() > before);
      await sender.end();
      await taking.until(
        "all of it is written",
        () => idsIn(second, "out.ndjson").length >= sender.acknowledged.length,
      );
      await stopped(sending);
      await stopped(taking);
      expectOnce(idsIn(second, "out.ndjson"), [sender]);
    } finally {
      await sending[Symbol.asyncDispose]();
      await taking[Symbol.asyncDispose]();
    }
  });

  test("every file of a watched directory is read once, and deleted, when the run is killed again and again", async () => {
    using space = new Workspace();
    space.write("inbox/.keep", "");
    space.write("pass.ts", plugin({}));
    const source = "directory|path=inbox,pattern=*.ndjson,after=delete,settle=0,rescan=20ms";
    space.pipeline(["pass|pass.ts|"], { settings: SETTINGS, source });
    const sent: string[] = [];
    for (let round = 0; round <= KILLS; round++) {
      const isLast = round === KILLS;
      await using program = space.start(COMMAND);
      for (let file = 0; file < 5; file++) {
        const ids = Array.from({ length: 50 }, (_, i) => `${round}-${file}-${i}`);
        sent.push(...ids);
        const draft = space.write("draft", ids.map((id) => `${JSON.stringify({ id })}\n`).join(""));
        renameSync(draft, space.at("inbox", `${round}-${file}.ndjson`));
      }
      const seen = (): number => idsIn(space, "out.ndjson").length;
      if (isLast) {
        await program.until("all of it is written", () => seen() === sent.length);
        await program.until("the files are gone", () => !space.exists(`inbox/${round}-4.ndjson`));
        await stopped(program);
      } else {
        await program.until("it writes", () => seen() > sent.length - 200);
        await program.killHard();
      }
    }
    expect(idsIn(space, "out.ndjson").sort()).toEqual(sent.sort());
  });
});
