/** A watch over streams that break, end, fall silent, or say what they should not. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { eventText } from "../../../../src/cluster/pmd/event-stream.ts";
import { WATCH_SILENCE_MS_MAX } from "../../../../src/cluster/pmd/limits.ts";
import { PeerWatch } from "../../../../src/cluster/pmd/peer-watch.ts";
import { peer } from "../../../support/pmd.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { until } from "../../../support/until.ts";

class Rig {
  readonly clock = new SteppedClock();
  readonly told: string[] = [];
  readonly streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  opened = 0;
  refuses = false;
  readonly watch: PeerWatch;

  constructor() {
    const ports = { clock: this.clock, random: seededRandom(1), open: (signal: AbortSignal) => this.#open(signal) };
    this.watch = new PeerWatch(ports, {
      changed: ({ kind, peer: { alias } }) => this.told.push(`${kind} ${alias}`),
      connected: (life) => this.told.push(`connected ${life}`),
      disconnected: (reason, failure) => this.told.push(`${reason}${failure ? ` ${failure.code}` : ""}`),
    });
  }

  say(name: string, value: unknown): void {
    this.streams.at(-1)!.enqueue(Buffer.from(eventText(name, value)));
  }

  snapshot(life: string, ...aliases: string[]): void {
    this.say("snapshot", { life, ageMs: 0, peers: aliases.map((alias) => peer(alias)) });
  }

  untilTold(...told: string[]): Promise<boolean> {
    return until(`${told.join(", ")}`, () => JSON.stringify(this.told) === JSON.stringify(told)).catch((thrown) => {
      throw new Error(`${(thrown as Error).message}; told ${this.told.join(", ")}`);
    });
  }

  /** The pause before it connects again is over. */
  async reconnect(): Promise<void> {
    const before = this.opened;
    await until("it waits", () => this.clock.timers > 0);
    this.clock.advance(2_000);
    await until("it connects", () => this.opened > before);
  }

  async #open(signal: AbortSignal): Promise<Response> {
    this.opened++;
    if (this.refuses) throw new Failure("pmd.not_running", "nobody");
    const stream = new ReadableStream<Uint8Array>({ start: (controller) => void this.streams.push(controller) });
    const controller = this.streams.at(-1)!;
    signal.addEventListener("abort", () => controller.error(new Error("aborted")), { once: true });
    return new Response(stream);
  }
}

describe("PeerWatch", () => {
  test("it tells a snapshot and changes, and after a break only what is other", async () => {
    const rig = new Rig();
    await until("it connects", () => rig.opened === 1);
    rig.snapshot("1", "a", "b");
    rig.say("peer:join", { peer: peer("c") });
    rig.say("peer:leave", { peer: peer("a"), reason: "expired" });
    await rig.untilTold("join a", "join b", "connected 1", "join c", "leave a");
    rig.told.length = 0;
    rig.streams.at(-1)!.close();
    await rig.untilTold("broken pmd.watch_broken");
    await rig.reconnect();
    rig.snapshot("1", "b", "d");
    await rig.untilTold("broken pmd.watch_broken", "leave c", "join d", "connected 1");
    expect(rig.watch.peers.map(({ alias }) => alias)).toEqual(["b", "d"]);
    await rig.watch.close();
    expect(rig.clock.timers).toBe(0);
  });

  test("it tells the reason that the port mapper gives for the end", async () => {
    const rig = new Rig();
    await until("it connects", () => rig.opened === 1);
    rig.say("end", { reason: "killed", message: "bye" });
    await rig.untilTold("killed");
    await rig.watch.close();
  });

  test("it connects again and again with growing pauses while nobody is there", async () => {
    const rig = new Rig();
    rig.refuses = true;
    rig.streams.length = 0;
    const opened: number[] = [];
    let seen = rig.opened;
    for (let ms = 0; ms < 20_000; ms += 50) {
      rig.clock.advance(50);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      if (rig.opened > seen) opened.push(ms);
      seen = rig.opened;
    }
    const gaps = opened.slice(2).map((ms, at) => ms - opened[at + 1]!);
    expect(gaps[0]).toBeLessThan(400);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2_050);
    expect(Math.max(...gaps)).toBeGreaterThan(1_000);
    await rig.watch.close();
  });

  test("it gives a silent connection up, and keeps one that sends comments", async () => {
    const rig = new Rig();
    await until("it connects", () => rig.opened === 1);
    rig.snapshot("1");
    await rig.untilTold("connected 1");
    for (let round = 0; round < 3; round++) {
      rig.clock.advance(WATCH_SILENCE_MS_MAX - 1);
      rig.streams.at(-1)!.enqueue(Buffer.from(": keep-alive\n\n"));
      await new Promise((resolve) => setImmediate(resolve));
    }
    rig.clock.advance(WATCH_SILENCE_MS_MAX);
    await rig.untilTold("connected 1", "broken pmd.watch_broken");
    await rig.watch.close();
  });

  test("it passes over events of later versions, and breaks with a stream that lies", async () => {
    const rig = new Rig();
    await until("it connects", () => rig.opened === 1);
    rig.say("weather", { rain: true });
    rig.say("constructor", {});
    rig.snapshot("1", "a");
    await rig.untilTold("join a", "connected 1");
    rig.say("peer:join", { peer: { alias: "no more" } });
    await rig.untilTold("join a", "connected 1", "broken pmd.bad_stream");
    await rig.watch.close();
  });

  test("close() ends it while it reads, and while it waits", async () => {
    const reading = new Rig();
    await until("it connects", () => reading.opened === 1);
    await reading.watch.close();
    const waiting = new Rig();
    waiting.refuses = true;
    await until("it waits", () => waiting.told.length > 0 || waiting.streams.length > 0);
    await waiting.watch.close();
    expect([reading.clock.timers, waiting.clock.timers]).toEqual([0, 0]);
  });
});
