/** Watchers that read, that do not, and that go. */
import { describe, expect, test } from "bun:test";
import { KEEP_ALIVE_MS } from "../../../../src/cluster/pmd/limits.ts";
import { WatchHub } from "../../../../src/cluster/pmd/watch-hub.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

class Reader {
  readonly #reader: { read(): Promise<{ value?: Uint8Array | undefined }>; cancel(): Promise<void> };

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  async next(): Promise<string | undefined> {
    const { value } = await this.#reader.read();
    return value === undefined ? undefined : Buffer.from(value).toString();
  }

  async rest(): Promise<string[]> {
    const all: string[] = [];
    for (let each = await this.next(); each !== undefined; each = await this.next()) all.push(each);
    return all;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

function open(hub: WatchHub, snapshot = "snapshot", dropped = () => {}): Reader {
  return new Reader(hub.open(snapshot, dropped));
}

function hubOf(more: { bytesMax?: number; watchersMax?: number } = {}) {
  const clock = new SteppedClock();
  return { clock, hub: new WatchHub({ clock, tooSlow: "too slow", ...more }) };
}

describe("WatchHub", () => {
  test("open() gives each watcher its snapshot, then every change once and in order, then the end", async () => {
    const { hub } = hubOf();
    const early = open(hub, "one");
    hub.publish("a");
    const late = open(hub, "two");
    hub.publish("b");
    hub.end("end");
    hub.publish("c");
    expect(await early.rest()).toEqual(["one", "a", "b", "end"]);
    expect(await late.rest()).toEqual(["two", "b", "end"]);
    expect(hub.size).toBe(0);
  });

  test("publish() reaches a watcher that already waits", async () => {
    const { hub } = hubOf();
    const reader = open(hub);
    expect(await reader.next()).toBe("snapshot");
    const next = reader.next();
    hub.publish("a");
    expect(await next).toBe("a");
  });

  test("publish() drops a watcher that does not keep up, tells it, and spares the others", async () => {
    const { hub } = hubOf({ bytesMax: 10 });
    let dropped = 0;
    const slow = open(hub, "a snapshot far longer than the bound", () => dropped++);
    const quick = open(hub);
    expect(await quick.next()).toBe("snapshot");
    for (const text of ["12345", "67890", "x"]) {
      const next = quick.next();
      hub.publish(text);
      expect(await next).toBe(text);
    }
    expect([dropped, hub.dropped, hub.size]).toEqual([1, 1, 2]); // it is there until its connection ends
    hub.publish("y");
    expect(await slow.rest()).toEqual(["too slow"]);
    expect([dropped, hub.dropped, hub.size]).toEqual([1, 1, 1]);
  });

  test("open() refuses more watchers than there may be until one goes", async () => {
    const { hub } = hubOf({ watchersMax: 1 });
    const first = open(hub);
    expect(() => hub.open("snapshot", () => {})).toThrow("1 watchers are connected, no more are taken");
    await first.cancel();
    expect(await open(hub, "again").next()).toBe("again");
  });

  test("the hub sends comments to who is idle, none to who has something to read, and sets no timer without watchers", async () => {
    const { clock, hub } = hubOf();
    expect(clock.timers).toBe(0);
    const idle = open(hub);
    const busy = open(hub, "unread");
    expect(await idle.next()).toBe("snapshot");
    const next = idle.next();
    clock.advance(KEEP_ALIVE_MS);
    expect(await next).toBe(": keep-alive\n\n");
    clock.advance(KEEP_ALIVE_MS * 3);
    hub.end("end");
    expect(await idle.rest()).toEqual([": keep-alive\n\n", "end"]);
    expect(await busy.rest()).toEqual(["unread", "end"]);
    expect(clock.timers).toBe(0);
  });
});
