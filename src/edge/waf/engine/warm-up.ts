/**
 * What a firewall should have seen before the first request that somebody waits for: texts of common shapes, honest and not, through each pattern
 * (automata are built by what they read), then whole requests (code is compiled by being run). It comes in small pieces, so that whoever runs it can
 * let others run in between, and leaves nothing behind but what makes later requests fast.
 */
import type { InTurns } from "../../../base/turns.ts";
import { MatchRun, Subject } from "../match/index.ts";
import type { WafBasis } from "./basis.ts";
import { SLICE_MS, STEPS_MAX } from "./limits.ts";
import { Records } from "./records.ts";
import { WafTransaction } from "./transaction.ts";
import { Turn } from "./turn.ts";
import type { WafContext, WafCounts, WafRequestHead } from "./words.ts";

/** Enough for the compiler to take the hot functions. */
const ROUNDS = 12;
const CONTEXT: WafContext = {
  clientAddress: "127.0.0.1",
  clientPort: 1,
  serverAddress: "127.0.0.1",
  serverPort: 1,
  route: "",
};

export function noCounts(): WafCounts {
  return {
    transactions: 0,
    blocked: 0,
    wouldBlock: 0,
    matches: 0,
    budgetExceeded: 0,
    faults: 0,
    bodiesRefused: 0,
    busy: 0,
    repliesUnread: 0,
  };
}

/** Each piece is a few milliseconds of work at most. */
export function* warmUp(basis: WafBasis): InTurns<void> {
  yield* patterns(basis);
  const { clock, settings } = basis;
  const own: WafBasis = {
    ...basis,
    settings: { ...settings, mode: settings.mode === "off" ? "off" : "detect" },
    records: new Records(() => clock.now(), 1),
    counts: noCounts(),
    onEnd: () => undefined,
  };
  const samples = warmUpRequests();
  for (let round = 0; round < ROUNDS; round += 1) for (const sample of samples) yield* pass(own, sample);
}

/** Rules of higher levels of paranoia would be in the way: they are not asked. */
function* patterns({ plan, settings }: WafBasis): InTurns<void> {
  const texts = [TEXT, HOSTILE, WORDS, ...noises()];
  for (const { links, paranoia } of plan.rules) {
    if (paranoia > settings.paranoia) continue;
    for (const { link } of links) {
      const { argument, compiled } = link.operator;
      if (argument.isDynamic || (compiled.name !== "rx" && compiled.filter === undefined)) continue;
      for (const text of texts) {
        compiled.match(new Subject(text), new MatchRun(STEPS_MAX));
        yield;
      }
    }
  }
}

/** Also one request is long when nothing is compiled yet. */
function* pass(basis: WafBasis, { body, head }: WarmUpRequest): InTurns<void> {
  const transaction = new WafTransaction(basis, CONTEXT, "warm-up");
  const turn = new Turn(() => basis.clock.monotonic());
  const calls = [
    () => transaction.requestHead(head, turn),
    () => transaction.requestBody(body, turn),
    () => transaction.replyHead({ status: 200, headers: ["content-type", "text/html"] }),
    () => transaction.replyBody(body, turn),
  ];
  for (const call of calls) {
    turn.begin(SLICE_MS);
    for (let verdict = call(); verdict === undefined; verdict = transaction.goOn(turn)) {
      yield;
      turn.begin(SLICE_MS);
    }
    yield;
  }
  transaction.end();
  yield;
}

interface WarmUpRequest {
  readonly head: WafRequestHead;
  readonly body: Uint8Array;
}

const TEXT = `It's a "test" of words & marks (100%); a < b, c > d = e: {x} [y] #1 - @z / \\w | $5 \`q\` ~ ^ * ? ! + é\r\n`;
const HOSTILE = `' or 1=1 -- <script src=//x onerror=alert(1)> ; cat /etc/passwd | ../../x php://input \${jndi:ldap://x} union select 1`;
const WORDS = `The quick brown fox jumps over the lazy dog, 12.50 EUR: order 1234 of 2024-05-01 select a.b@example.com http://example.com/x?y=z`;
const FIELDS = 24;
const REPEATS = 20;
const NOISES = 6;
const NOISE_BYTES = 1_024;

/** Texts without any sense: they lead automata into states that honest texts reach one by one. */
function noises(): string[] {
  let state = 1;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const pieces = `${TEXT} ${HOSTILE} ${WORDS}`.split(/(?<=\W)/);
  return Array.from({ length: NOISES }, (_, at) => {
    let text = "";
    while (text.length < NOISE_BYTES)
      text += at % 2 === 0 ? String.fromCharCode(32 + next(95)) : pieces[next(pieces.length)]!;
    return text;
  });
}

function warmUpRequests(): WarmUpRequest[] {
  const fields = Array.from({ length: FIELDS }, (_, at) => [`Field-${at}`, `${TEXT}${at}`] as const);
  const form = fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  const json = JSON.stringify({ items: fields.map(([name, value], at) => ({ name, value, at, tags: ["a", "b"] })) });
  const xml = `<a>${fields.map(([name, value]) => `<b n="${name}">${value.replaceAll(/[<&]/g, "")}</b>`).join("")}</a>`;
  const part = `--B\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n${TEXT}\r\n`;
  return [
    request("GET", `/path/file.html?q=${encodeURIComponent(TEXT)}&n=1`, "", ""),
    request("POST", "/", "application/x-www-form-urlencoded", form),
    request("POST", "/", "application/x-www-form-urlencoded", `a=${encodeURIComponent(TEXT.repeat(REPEATS))}`),
    request("POST", "/", "application/x-www-form-urlencoded", `a=${encodeURIComponent(HOSTILE)}`),
    ...noises().map((text) =>
      request("POST", "/", "application/x-www-form-urlencoded", `a=${encodeURIComponent(text)}`),
    ),
    request("POST", "/", "application/json", json),
    request("POST", "/", "text/xml", xml),
    request("POST", "/", "multipart/form-data; boundary=B", `${part}${part}--B--\r\n`),
  ];
}

function request(method: string, target: string, type: string, text: string): WarmUpRequest {
  const body = Buffer.from(text, "utf8");
  const headers = [
    "host",
    "example.com",
    "user-agent",
    "Mozilla/5.0 (X11; Linux)",
    "accept",
    "*/*",
    "cookie",
    "a=b; c=d",
  ];
  if (type !== "") headers.push("content-type", type, "content-length", String(body.length));
  return { head: { method, target, version: "1.1", authority: "example.com", headers }, body };
}
