/** Whatever happens to requests, in whatever order: each ends once, its client has one answer at most, nothing is left asked or counted. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import type { CoreParts, ReplyGuard } from "../../../../../src/edge/gateway/core/index.ts";
import { holding } from "./holding.ts";
import { type Asked, type Client, CoreRig, OpenBody, settled } from "./rig.ts";

const EVENTS = [
  ...["replies", "begins", "writes", "ends", "breaks", "fails", "informs", "upgrades", "tunnel ends"],
  ...["client goes", "client writes", "client writes too much", "client ends", "client breaks", "time passes", "turns"],
] as const;
type Event = (typeof EVENTS)[number];
const ROUTES = [
  "route|r|/*|http://up|retries=0,max_body=8",
  "route|r|/*|http://up|retries=2,retry_budget=1,max_body=8",
  "route|r|/*|http://a http://b|retries=1,retry_on=503,retry_budget=1,max_body=8,sticky=s,compress=true",
];
const GUARDS: Readonly<Record<string, readonly ReplyGuard[]>> = {
  none: [],
  passing: [{ isStrict: false, take: (_passage, head, length, open) => open(head, length) }],
  gathering: [holding(8), { isStrict: true, take: (_passage, head, length, open) => open(head, length) }],
  refusingLate: [holding(2)],
  refusing: [{ isStrict: true, take: () => ({ status: 403, code: "waf.blocked", detail: "no" }) }],
};

/** One request, its upstreams, and what may befall them. What cannot happen now does not. */
class Story {
  readonly rig: CoreRig;
  readonly client: Client;
  readonly #body = new OpenBody();
  #reply: OpenBody | undefined;
  #tunnel: OpenBody | undefined;
  #isSent = false;

  constructor(line: string, guards: readonly ReplyGuard[], auth: CoreParts["doorkeeper"]["check"] | undefined) {
    this.rig = new CoreRig([auth ? `${line},auth=token` : line, "limit|client_ip|1||REJECT|algorithm=concurrency"], {
      guardsFor: () => ({ steps: [], guards }),
      ...(auth && { doorkeeper: { check: auth } }),
    });
    this.client = this.rig.send("/", {
      method: "PUT",
      body: this.#body,
      protocol: guards.length > 0 ? undefined : "websocket",
    });
  }

  get #asked(): Asked | undefined {
    const asked = this.rig.upstreams.asked.at(-1);
    return asked?.cancelled ? undefined : asked;
  }

  async does(event: Event): Promise<void> {
    const asked = this.#asked;
    const isOpen = asked !== undefined && !this.#answered.has(asked);
    if (event === "turns") await settled();
    else if (event === "time passes") this.rig.clock.advance(300);
    else if (event.startsWith("client")) this.#clientDoes(event);
    else if (isOpen) this.#upstreamDoes(event, asked);
    else this.#replyDoes(event);
  }

  readonly #answered = new Set<Asked>();

  #upstreamDoes(event: Event, asked: Asked): void {
    if (event === "informs") asked.events.onInform?.({ status: 103, headers: [] });
    if (event === "fails") {
      this.#answered.add(asked);
      asked.fails("gateway.upstream_closed");
    }
    if (event === "begins" || event === "replies") {
      this.#answered.add(asked);
      this.#reply = asked.begins(event === "begins" ? 200 : 503);
    }
    if (event === "upgrades" && this.client.request.protocol !== undefined) {
      this.#answered.add(asked);
      this.#tunnel = new OpenBody();
      asked.events.onUpgrade?.({ status: 101, headers: [] }, { source: this.#tunnel, sink: asked.upload });
    }
  }

  #replyDoes(event: Event): void {
    const body = this.#reply ?? this.#tunnel;
    const sink = body?.cancelled ? undefined : body?.sink;
    if (!sink) return;
    if (event === "writes") return void body!.write("abc");
    if (event !== "ends" && event !== "breaks" && event !== "tunnel ends") return;
    this.#reply = undefined;
    this.#tunnel = undefined;
    if (event === "breaks") sink.abort(new Failure("gateway.upstream_closed", "cut"));
    else sink.end();
  }

  #clientDoes(event: Event): void {
    const { raw } = this.client;
    if (event === "client goes") {
      if (!raw) return this.client.goes();
      this.#endSide(raw.source, undefined);
      return raw.sink.onCancel?.(new Failure("gateway.client_gone", "closed"));
    }
    const body = raw?.source ?? this.#body;
    if (event === "client writes" && body.sink && !body.cancelled && !this.#isSent) body.write("abc");
    if (event === "client writes too much" && body.sink && !body.cancelled && !this.#isSent) body.write("123456789");
    if (event === "client ends") this.#endSide(body, undefined);
    if (event === "client breaks") this.#endSide(body, new Failure("gateway.client_gone", "cut"));
  }

  #endSide(body: OpenBody, cause: Failure | undefined): void {
    if (!body.sink || body.cancelled || (this.#isSent && body === this.#body)) return;
    const { sink } = body;
    this.#isSent ||= body === this.#body;
    body.sink = undefined;
    if (cause && body === this.#body) this.client.goes(); // said before the body breaks
    if (cause) sink.abort(cause);
    else sink.end();
  }
}

describe("RunningPassage", () => {
  test("a passage ends once and leaves nothing behind when anything happens in any order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ROUTES),
        fc.constantFrom(...Object.keys(GUARDS)),
        fc.constantFrom("open", "now", "later", "never"),
        fc.array(fc.constantFrom(...EVENTS), { maxLength: 14 }),
        async (line, guards, auth, events) => {
          const found = auth === "never" ? new Failure("gateway.forbidden", "no") : { name: "ada", claims: {} };
          const check = auth === "open" ? undefined : () => (auth === "now" ? found : Promise.resolve(found));
          const story = new Story(line, GUARDS[guards]!, check);
          const { client, rig } = story;
          for (const event of events) {
            await story.does(event);
            expect(rig.ended.length + rig.gateway.counts().inFlight).toBe(1);
            expect(rig.counts("r").inFlight).toBe(rig.gateway.counts().inFlight);
          }
          await settled();
          if (client.raw) await story.does("client goes");
          client.goes();
          rig.clock.advance(60_000);
          await settled();
          expect(rig.ended).toHaveLength(1);
          expect(rig.gateway.counts().inFlight).toBe(0);
          expect(rig.counts("r").byClass.reduce((sum, count) => sum + count, 0)).toBe(1);
          expect(rig.failed).toEqual([]);
          await rig.gateway.idle();
          const next = rig.send("/"); // the place under the limit is free
          expect(next.status === 429).toBe(false);
        },
      ),
      { numRuns: 600 },
    );
  });
});
