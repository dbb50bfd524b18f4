/** Coded bodies before the firewall: inflated in another thread where they are not short, with the verdicts and bounds of those that are. */
import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { Firewall, Inspections } from "../../../../../src/edge/gateway/guard/index.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";
import { wafOf } from "../../../../support/waf.ts";
import { CoreRig } from "../core/rig.ts";

const RULES = [
  "SecRuleEngine On",
  "SecRequestBodyAccess On",
  'SecRule REQUEST_BODY|ARGS "@rx evil" "id:3,phase:2,deny,status:403"',
].join("\n");
const CODED = ["content-type", "application/x-www-form-urlencoded", "content-encoding", "gzip"];
const MIB = 1024 * 1024;
const NOISE = Array.from({ length: 20_000 }, (_, at) => (at * 7919) % 100_003).join(",");

function rigWith(heldBytesMax = 128 * MIB) {
  const { waf } = wafOf(RULES, { bodyBytesMax: MIB, inflatedBytesMax: MIB, inflateRatioMax: 100 });
  const server = () => ({ address: "127.0.0.1", port: 8443 });
  const clock = new SteppedClock();
  const inspections = new Inspections(clock, { heldBytesMax });
  const firewall = new Firewall({ waf, server, inspections, onRecord: () => {} });
  const rig = new CoreRig("route|r|/*|http://up|retries=0", {
    guardsFor: () => ({ steps: [firewall.step], guards: [] }),
  });
  const post = (bytes: Uint8Array) => rig.send("/", { method: "POST", headers: CODED, body: new BytesSource(bytes) });
  return { inspections, post, rig };
}

describe("Firewall.step() with coded bodies", () => {
  test("step() inflates a long one elsewhere, holds what comes out, and sends it on as it came", async () => {
    const { inspections, post, rig } = rigWith();
    const coded = gzipSync(`q=${NOISE}`);
    post(coded);
    expect([rig.upstreams.asked.length, inspections.inflations.running]).toEqual([0, 1]);
    await until("it has gone on", () => rig.upstreams.asked.length === 1);
    expect(rig.asked().upload.text === coded.toString()).toBe(true);
    rig.asked().replies(200, [], "");
    expect([inspections.inflations.running, inspections.heldBytes]).toEqual([0, 0]);
  });

  test.each([
    ["a rule finds something in it", gzipSync(`q=${NOISE}&p=evil`), 403, "waf.rule"],
    ["it comes to more than is taken", gzipSync(`q=${"x".repeat(2 * MIB)}${NOISE}`), 413, "waf.body_inflated"],
    ["it is much more than was sent", gzipSync(Buffer.alloc(32 * MIB)), 413, "waf.body_inflated"],
    ["it is broken", gzipSync(`q=${NOISE}`).subarray(0, -20), 400, "waf.body_encoding"],
    [
      "something stands behind it",
      Buffer.concat([gzipSync(`q=${NOISE}`), Buffer.from("evil")]),
      400,
      "waf.body_encoding",
    ],
  ])("step() refuses a long one when %s", async (_why, bytes, status, code) => {
    const { inspections, post, rig } = rigWith();
    const client = post(bytes);
    expect([client.status, inspections.inflations.running]).toEqual([undefined, 1]);
    await until("it is refused", () => client.status !== undefined);
    expect([client.status, client.problem.code, rig.upstreams.asked.length]).toEqual([status, code, 0]);
    expect(inspections.heldBytes).toBe(0);
  });

  test("step() inflates a short one at once", () => {
    const { post, rig } = rigWith();
    const blocked = post(gzipSync("q=evil"));
    post(gzipSync("q=fine"));
    expect([blocked.status, rig.upstreams.asked.length]).toEqual([403, 1]);
  });

  test("step() refuses with 503 what comes out when there is no room for it", async () => {
    const { inspections, post } = rigWith(MIB);
    const client = post(gzipSync(`q=${"1 2 3 ".repeat(150_000)}${NOISE}`));
    await until("it is refused", () => client.status !== undefined);
    expect([client.status, client.problem.code, client.header("retry-after"), inspections.heldBytes]).toEqual([
      ...[503, "waf.busy", "1", 0],
    ]);
  });

  test("step() forgets one whose client goes while it is inflated", async () => {
    const { inspections, post, rig } = rigWith();
    const clients = Array.from({ length: 4 }, () => post(gzipSync(`q=${NOISE}`)));
    expect([inspections.inflations.running, inspections.inflations.waiting]).toEqual([2, 2]);
    for (const client of clients) client.goes();
    expect(inspections.inflations.waiting).toBe(0);
    await until("those that had begun are over", () => inspections.inflations.running === 0);
    expect([rig.upstreams.asked.length, rig.ended.length, inspections.heldBytes]).toEqual([0, 4, 0]);
  });
});
