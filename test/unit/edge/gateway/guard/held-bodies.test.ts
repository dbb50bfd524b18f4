import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { HeldBodies, type HeldBytes, heldBytesFor } from "../../../../../src/edge/gateway/guard/held-bodies.ts";
import { Firewall, Inspections } from "../../../../../src/edge/gateway/guard/index.ts";
import { peek } from "../../../../../src/edge/gateway/guard/peeked-body.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { wafOf } from "../../../../support/waf.ts";
import { type Client, CoreRig, OpenBody, TakingSink } from "../core/rig.ts";
import { rigOf } from "./mask-rig.ts";

const MIB = 1024 * 1024;
const JSON_TYPE = ["content-type", "application/json"];
const DRIPPING = "198.51.100.1";

describe("HeldBodies", () => {
  test("holder() takes of what others leave no more than half, and gives it back", () => {
    const all = new HeldBodies(160);
    const holders = ["a", "b", "c", "d", "e"].map((client) => all.holder(client));
    const most = (held: HeldBytes): number => {
      let bytes = 0;
      while (held.to(bytes + 1)) bytes++;
      return bytes;
    };
    expect(holders.map(most)).toEqual([40, 40, 40, 20, 10]);
    expect(all.bytes).toBe(150);
    holders[0]!.to(30);
    expect([holders[4]!.to(16), holders[4]!.to(15)]).toEqual([false, true]);
    all.allow(120);
    expect([holders[1]!.to(20), holders[2]!.to(41)]).toEqual([true, false]);
    for (const each of holders) each.free();
    expect([all.bytes, all.clients]).toEqual([0, 0]);
  });

  test("holder() leaves room for short bodies of others, however many networks of a host hold all they may", () => {
    const all = new HeldBodies(128 * MIB);
    const short = (address: string): boolean => {
      const held = all.holder(address);
      const isHeld = held.to(64 * 1024);
      held.free();
      return isHeld;
    };
    const greedy = (address: string, bytes: number): void => {
      for (let at = 0; at < 8 && all.holder(address).to(bytes); at++);
    };
    for (let network = 0; network < 64; network++) greedy(`2001:db8:1:${network.toString(16)}::1`, MIB / 16);
    expect(all.bytes).toBeLessThanOrEqual(64 * MIB);
    expect([short("198.51.100.9"), short("2001:db8:2::1"), short("2001:db8:1:ffff::1")]).toEqual([true, true, true]);
    for (let host = 0; host < 250; host++) greedy(`203.0.113.${host}`, 16 * MIB);
    for (let host = 0; host < 250; host++) greedy(`203.0.113.${host}`, 65 * 1024);
    expect(all.bytes).toBeLessThanOrEqual(112 * MIB);
    expect([short("198.51.100.9"), all.holder("198.51.100.9").to(65 * 1024)]).toEqual([true, false]);
  });

  test("holder() takes no more than a quarter for one client, whatever number of bodies, an IPv6 network being one", () => {
    const all = new HeldBodies(100);
    for (const [one, same, other] of [
      ["192.0.2.1", "192.0.2.1", "192.0.2.2"],
      ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"],
    ] as const) {
      const [first, second, third] = [all.holder(one), all.holder(same), all.holder(other)];
      expect([first.to(20), second.to(6), second.to(5), third.to(25)]).toEqual([true, false, true, true]);
      first.free();
      expect(second.to(25)).toBe(true);
      second.free();
      third.free();
    }
    expect([all.bytes, all.clients]).toEqual([0, 0]);
  });

  test("free() is for good: what comes late is not held", () => {
    const all = new HeldBodies(100);
    const held = all.holder("a");
    held.to(10);
    held.free();
    expect([held.to(5), all.bytes]).toEqual([false, 0]);
  });

  test("heldBytesFor() leaves room in a share for the largest body, coded and plain", () => {
    expect(new HeldBodies(heldBytesFor(1)).holder("a").to(32 * MIB)).toBe(true);
    expect(new HeldBodies(heldBytesFor(512 * MIB)).holder("a").to(2 * 512 * MIB)).toBe(true);
  });
});

/** Many bodies of one client that come a piece a second and never end, as slowly as `min_rate` lets them; then others'. */
function drip(rig: CoreRig, clock: { tick(): void }) {
  const sent: { readonly client: Client; readonly body: OpenBody }[] = [];
  const post = (address: string): { readonly client: Client; readonly body: OpenBody } => {
    const body = new OpenBody();
    const client = rig.send("/", { method: "POST", headers: JSON_TYPE, body, peer: { address, port: 1 } });
    return { client, body };
  };
  for (let at = 0; at < 18; at++) sent.push(post(DRIPPING));
  for (let second = 0; second < 60; second++) {
    for (const { body, client } of sent) if (client.status === undefined) body.write("x".repeat(512));
    clock.tick();
  }
  return { sent, post };
}

describe("a client that sends many bodies slowly", () => {
  test("keeps nobody else from being masked: beyond its share its own are refused, with 503", () => {
    const { clock, rig, work } = rigOf(["request|$.a|mask"], { heldBytesMax: 256 * 1024 });
    const { post, sent } = drip(rig, { tick: () => void clock.turn() });
    const refused = sent.filter(({ client }) => client.status !== undefined);
    expect(refused.length).toBeGreaterThan(0);
    for (const { client } of refused)
      expect([client.status, client.problem.code]).toEqual([503, "gateway.bodies_full"]);
    expect(work.heldBytes).toBeGreaterThan(48 * 1024);
    expect(work.heldBytes).toBeLessThanOrEqual(64 * 1024);
    const other = post("203.0.113.5");
    other.body.write(`{"a":"${"x".repeat(40 * 1024)}"}`);
    other.body.sink!.end();
    expect([other.client.status, rig.asked().upload.isWhole]).toEqual([undefined, true]);
    for (const { client } of sent) client.goes();
    expect(work.heldBytes).toBe(0);
  });

  const inspecting = (mode: "block" | "detect") => {
    const clock = new SteppedClock();
    const inspections = new Inspections(clock, { heldBytesMax: 256 * 1024 });
    const { waf } = wafOf('SecRequestBodyAccess On\nSecRule ARGS "@rx evil" "id:3,phase:2,deny,status:403"', { mode });
    const server = () => ({ address: "127.0.0.1", port: 1 });
    const firewall = new Firewall({ waf, server, inspections, onRecord: () => {} });
    const guards = { steps: [firewall.step], guards: [firewall.guard] };
    const rig = new CoreRig("route|r|/*|http://up|retries=0", { guardsFor: () => guards });
    return { firewall, inspections, rig, ...drip(rig, { tick: () => clock.advance(1_000) }) };
  };

  test("keeps nobody else from being inspected: beyond its share its own are refused, with 503", () => {
    const { inspections, post, rig, sent } = inspecting("block");
    const refused = sent.filter(({ client }) => client.status !== undefined);
    expect(refused.length).toBeGreaterThan(0);
    for (const { body, client } of refused)
      expect([client.status, client.problem.code, body.cancelled?.code]).toEqual([503, "waf.busy", "gateway.refused"]);
    expect(inspections.heldBytes).toBeGreaterThan(48 * 1024);
    expect(inspections.heldBytes).toBeLessThanOrEqual(64 * 1024);
    const other = post("203.0.113.5");
    other.body.write(`{"a":"${"x".repeat(40 * 1024)}"}`);
    other.body.sink!.end();
    expect([other.client.status, rig.asked().upload.isWhole]).toEqual([undefined, true]);
    for (const { client } of sent) client.goes();
    expect(inspections.heldBytes).toBe(0);
  });

  test("has its bodies go on whole and unseen beyond its share when the firewall only watches", () => {
    const { firewall, inspections, rig, sent } = inspecting("detect");
    expect(rig.upstreams.asked.length).toBeGreaterThan(0);
    expect(firewall.counts.unseen).toBe(rig.upstreams.asked.length);
    for (const { upload } of rig.upstreams.asked) expect(upload.text).toBe("x".repeat(60 * 512));
    for (const { body } of sent) body.sink!.end();
    expect([rig.upstreams.asked.length, inspections.heldBytes]).toEqual([18, 0]);
  });
});

describe("peek()", () => {
  test("peek() keeps the bytes of a body in pieces of one byte in few pieces, and passes them on in order", () => {
    const source = new OpenBody();
    const held = new HeldBodies(MIB).holder("a");
    const seen: number[] = [];
    const body = peek(source, 100_000, held, (outcome) =>
      seen.push("bytes" in outcome ? outcome.bytes.byteLength : -1),
    );
    const before = process.memoryUsage().arrayBuffers;
    let text = "";
    for (let at = 0; at < 20_000; at++) {
      const digit = String(at % 10);
      text += digit;
      source.sink!.write(new Uint8Array(Buffer.alloc(4_096, digit)).subarray(0, 1));
    }
    Bun.gc(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MIB);
    source.sink!.end();
    const sink = new TakingSink();
    body.start(sink);
    expect([seen, sink.text === text, sink.isWhole]).toEqual([[20_000], true, true]);
  });

  test("peek() passes on what comes while it passes on what it kept, behind it", () => {
    const source = new OpenBody();
    const body = peek(source, 4, new HeldBodies(MIB).holder("a"), () => {});
    source.write("abcde");
    const sink = new TakingSink();
    const write = sink.write.bind(sink);
    sink.write = (chunk) => {
      const isFirst = sink.text === "";
      const takes = write(chunk);
      if (isFirst) source.write("fg");
      return takes;
    };
    body.start(sink);
    source.write("hi");
    expect(sink.text).toBe("abcdefghi");
  });
});

describe("a slow taker", () => {
  const listOf = (bytes: number): string => `["4111111111111111","${"x y 12 ".repeat(bytes / 7)}"]`;

  test("is handed a masked body no faster than it takes it, and the rest of it counts as held", () => {
    const { clock, rig, work } = rigOf(["request|card|mask"]);
    rig.upstreams.takes = false;
    const body = listOf(MIB);
    const send = () => rig.send("/", { method: "POST", headers: JSON_TYPE, body: new BytesSource(Buffer.from(body)) });
    send();
    while (clock.turn());
    const { upload } = rig.asked();
    for (let before = 0, turn = 0; turn < 3; turn++, before = upload.text.length, upload.onReady!()) {
      expect(upload.text.length - before).toBeLessThanOrEqual(64 * 1024);
      expect([upload.text.length > before, work.heldBytes]).toEqual([true, body.length - upload.text.length]);
    }
    upload.takes = true;
    upload.onReady!();
    expect([upload.isWhole, upload.text.length, work.heldBytes]).toEqual([true, body.length, 0]);
    const gone = send();
    while (clock.turn());
    expect([rig.asked(1).upload.isWhole, work.heldBytes > 0]).toEqual([false, true]);
    gone.goes();
    expect(work.heldBytes).toBe(0);
  });

  test("keeps its own bodies from being masked when it is given many, and holds no more than a share", () => {
    const { clock, rig, work } = rigOf(["request|card|mask"]);
    rig.upstreams.takes = false;
    const body = Buffer.from(`["4111111111111111"${',"x y 12"'.repeat(MIB)}]`);
    const statuses = Array.from({ length: 5 }, () => {
      const client = rig.send("/", { method: "POST", headers: JSON_TYPE, body: new BytesSource(body) });
      while (clock.turn());
      return client.status;
    });
    expect(statuses).toEqual([undefined, undefined, undefined, 503, 503]);
    expect(work.heldBytes).toBeLessThanOrEqual(32 * MIB);
  });

  const peeking = () => {
    const source = new OpenBody();
    const all = new HeldBodies(MIB);
    const body = peek(source, 200_000, all.holder("a"), () => {});
    source.write("x".repeat(150_000));
    return { all, body, sink: new TakingSink(), source };
  };

  test("is handed a body that was looked at no faster than it takes it, and what comes meanwhile behind that", () => {
    const { all, body, sink, source } = peeking();
    source.sink!.end(["t", "1"]);
    sink.takes = false;
    body.start(sink);
    expect([sink.text.length, all.bytes, sink.ending]).toEqual([65_536, 84_464, undefined]);
    sink.onReady!();
    sink.onReady!();
    expect([sink.text.length, all.bytes, sink.trailers]).toEqual([150_000, 0, ["t", "1"]]);
    const open = peeking();
    open.source.write("y".repeat(60_000)); // more than is looked at
    open.sink.takes = false;
    open.body.start(open.sink);
    expect(open.source.write("z")).toBe(false);
    expect([open.sink.text.length, open.all.bytes, open.source.readies]).toEqual([65_536, 144_465, 0]);
    open.sink.takes = true;
    open.sink.onReady!();
    expect([open.sink.text.length, open.sink.text.at(-1), open.all.bytes]).toEqual([210_001, "z", 0]);
    expect([open.source.readies, open.source.write("end")]).toEqual([1, true]);
    open.source.sink!.end();
    expect([open.sink.text.length, open.sink.isWhole]).toEqual([210_004, true]);
  });

  test.each(["breaks off", "is no longer wanted", "is cancelled"])("gets no more of a body that %s", (how) => {
    const { all, body, sink, source } = peeking();
    source.write("y".repeat(60_000));
    sink.takes = false;
    body.start(sink);
    const cause = new Failure("gateway.client_gone", "gone");
    if (how === "breaks off") source.sink!.abort(cause);
    else if (how === "is cancelled") body.cancel(cause);
    else sink.onCancel!(cause);
    sink.onReady!();
    expect([sink.text.length, all.bytes, source.write("x")]).toEqual([65_536, 0, false]);
    expect([sink.broken, source.cancelled]).toEqual(
      how === "breaks off" ? [cause.code, undefined] : [undefined, cause],
    );
  });
});
