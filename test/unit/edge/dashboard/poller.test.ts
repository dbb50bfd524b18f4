import { describe, expect, test } from "bun:test";
import type { Overview } from "../../../../src/edge/dashboard/index.ts";
import { apiOf, Problem, problemOf } from "../../../../src/edge/dashboard/page/state/api.ts";
import { Live } from "../../../../src/edge/dashboard/page/state/live.ts";
import { Poller, type PollState } from "../../../../src/edge/dashboard/page/state/poller.ts";
import { overviewOf } from "../../../support/overview.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

/** Lets what was resolved go on. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

function rig() {
  const clock = new SteppedClock();
  const asked: PromiseWithResolvers<Overview>[] = [];
  const states: PollState["kind"][] = [];
  const world = { isHidden: false };
  const poller = new Poller({
    clock,
    ask: () => {
      const answer = Promise.withResolvers<Overview>();
      asked.push(answer);
      return answer.promise;
    },
    isHidden: () => world.isHidden,
    took: () => {},
    changed: ({ kind }) => states.push(kind),
  });
  const answer = async (how: Overview | Error): Promise<void> => {
    if (how instanceof Error) asked.at(-1)!.reject(how);
    else asked.at(-1)!.resolve(how);
    await settle();
  };
  return { clock, asked, states, world, poller, answer };
}

describe("Poller", () => {
  test("look() asks at once, and again a second after each answer", async () => {
    const { answer, asked, clock, poller, states } = rig();
    poller.look();
    expect(asked.length).toBe(1);
    clock.advance(5_000);
    expect(asked.length).toBe(1);
    await answer(overviewOf());
    clock.advance(999);
    expect(asked.length).toBe(1);
    clock.advance(1);
    expect(asked.length).toBe(2);
    expect(states).toEqual(["live"]);
  });

  test("look() asks less and less often while nobody answers, every 15 s at least, and as before afterwards", async () => {
    const { answer, asked, clock, poller } = rig();
    poller.look();
    const waits: number[] = [];
    for (let tries = 1; tries <= 6; tries++) {
      await answer(new Problem(503, "rpc.busy", "busy"));
      let waitedMs = 0;
      while (asked.length === tries) {
        clock.advance(500);
        waitedMs += 500;
      }
      waits.push(waitedMs);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    expect(poller.state).toMatchObject({ kind: "failing", problem: "busy" });
    await answer(overviewOf());
    clock.advance(1_000);
    expect(asked.length).toBe(8);
    expect(poller.state.kind).toBe("live");
  });

  test("look() asks nothing while the page is hidden", async () => {
    const { answer, asked, clock, poller, states, world } = rig();
    poller.look();
    world.isHidden = true;
    await answer(overviewOf());
    clock.advance(60_000);
    expect(asked.length).toBe(1);
    expect(states).toEqual(["live", "paused"]);
    world.isHidden = false;
    poller.look();
    expect(asked.length).toBe(2);
  });

  test("look() asks once more right after the answer when it was called meanwhile", async () => {
    const { answer, asked, poller } = rig();
    poller.look();
    poller.look();
    poller.look();
    expect(asked.length).toBe(1);
    await answer(overviewOf());
    expect(asked.length).toBe(2);
  });

  test("look() ends when the token is refused, and after close()", async () => {
    const { answer, asked, clock, poller, states } = rig();
    poller.look();
    await answer(new Problem(401, "rpc.unauthenticated", "a token is required"));
    poller.look();
    clock.advance(60_000);
    expect(asked.length).toBe(1);
    expect(states).toEqual(["signed-out"]);
  });
});

describe("Live", () => {
  test("look() keeps history and events of each answer, and asks for events behind the last one", async () => {
    const clock = new SteppedClock();
    const inputs: unknown[] = [];
    const event = { id: 3, atMs: 0, level: "info", kind: "member", subject: "n2", text: "joined" } as const;
    const live = new Live({
      clock,
      isHidden: () => false,
      call: async (_contract, _method, input) => {
        inputs.push(input);
        return overviewOf({
          monotonicMs: inputs.length * 1_000,
          events: inputs.length === 1 ? [event] : [],
          lastEvent: 3,
        });
      },
    });
    let told = 0;
    live.onChange(() => told++);
    live.look();
    await settle();
    clock.advance(1_000);
    await settle();
    expect(inputs).toEqual([{}, { events_after: 3 }]);
    expect(live.events.events).toEqual([event]);
    expect(live.history.length).toBe(2);
    expect(told).toBe(2);
    live.close();
  });
});

describe("apiOf()", () => {
  test("apiOf() sends the token and the input, and gives the answer", async () => {
    const sent: { path: string; init: RequestInit }[] = [];
    const call = apiOf("t0ken", async (path, init) => {
      sent.push({ path, init });
      return Response.json({ ok: 1 });
    });
    expect(await call("pipelines", "pause", { pipeline: "p" })).toEqual({ ok: 1 });
    expect(sent[0]!.path).toBe("/rpc/pipelines/pause");
    expect(sent[0]!.init.body).toBe('{"pipeline":"p"}');
    expect(new Headers(sent[0]!.init.headers).get("authorization")).toBe("Bearer t0ken");
    expect(sent[0]!.init.credentials).toBe("omit");
  });

  test("apiOf() fails with the node's own words, and when nobody answers", async () => {
    const refused = apiOf("t", async () => Response.json({ detail: "no such pipeline", code: "x.y" }, { status: 404 }));
    await expect(refused("a", "b", {})).rejects.toMatchObject({
      status: 404,
      code: "x.y",
      message: "no such pipeline",
    });
    const silent = apiOf("t", () => Promise.reject(new TypeError("failed to fetch")));
    await expect(silent("a", "b", {})).rejects.toMatchObject({ status: 0, code: "page.unreachable" });
    const strange = apiOf("t", async () => new Response("<html>", { status: 502 }));
    await expect(strange("a", "b", {})).rejects.toMatchObject({ status: 502, message: "the node answers 502" });
  });

  test("problemOf() also takes a failure as contracts tell it", () => {
    expect(problemOf(422, { code: "a.b", message: "words" })).toMatchObject({ code: "a.b", message: "words" });
  });
});
