/** The date of replies: each has one, whoever gives it, and it goes with the clock. */
import { expect, test } from "bun:test";
import { systemClock } from "../../../../../src/base/clock.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { DateField } from "../../../../../src/edge/gateway/listener/date-field.ts";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { headerOf } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";
import { ask } from "../upstream/rig.ts";
import { DATE, listen, RawClient } from "./rig.ts";

const GET = "GET / HTTP/1.1^Host: a^^";
const OWN = "Sun, 06 Nov 1994 08:49:37 GMT";

test("text tells the second, and the clock is asked and its timer set once for all replies of one", () => {
  const clock = new SteppedClock();
  clock.advance(1_500);
  let asked = 0;
  const counted = { monotonic: () => 0, now: () => ++asked && clock.now(), after: clock.after.bind(clock) };
  const date = new DateField(counted);
  const told = [date.text, date.text];
  clock.advance(499);
  told.push(date.text);
  clock.advance(1);
  told.push(date.text, date.text);
  expect(told.map((text) => text.slice(-6))).toEqual(["01 GMT", "01 GMT", "01 GMT", "02 GMT", "02 GMT"]);
  expect([told[0]!.length, asked, clock.timers]).toEqual([OWN.length, 2, 1]);
  clock.advance(5_000);
  expect(clock.timers).toBe(0); // nobody replies
  date.stop();
});

test.each(["1.1", "2"] as const)(
  "a reply of HTTP/%s has a date, its own or that of now, and interim ones have none",
  async (version) => {
    await using rig = listen({
      handle: (exchange) => {
        exchange.inform({ status: 103, headers: [] });
        const headers = exchange.request.target === "/own" ? ["date", OWN] : ["x-a", "b"];
        exchange.respond({ status: 200, headers }).end();
      },
    });
    const pools = new UpstreamPools({ clock: systemClock });
    const asked = ["/own", "/none"].map((target) => ask(pools, rig.listener.port, { version, target }));
    const heard = await Promise.all(asked.map((one) => one.done()));
    expect(heard.map(({ head }) => head && headerOf(head.headers, "date"))).toEqual([OWN, DATE.slice(6, -2)]);
    expect(heard.map(({ informed }) => informed[0]?.headers)).toEqual([[], []]);
    expect(heard[0]!.head!.headers.filter((name) => name === "date").length).toBe(1);
    pools.close(new Failure("test.over", "the test is over"));
  },
);

test("what the listener says itself has a date", async () => {
  await using rig = listen({ settings: { connectionsMax: 1 } });
  await using bad = await RawClient.connect(rig.listener.port);
  await until("it is let in", () => rig.listener.counts().connections === 1);
  await using second = await RawClient.connect(rig.listener.port);
  expect(await second.ended()).toContain(DATE);
  bad.send(GET.replace("Host", "Ho st"));
  expect(await bad.ended()).toContain(DATE);
});
