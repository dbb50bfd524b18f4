/**
 * A host of rules: the child's side. It loads its files once and decides, one request after the other; each answer leaves before the next
 * request is begun. What cannot be gone on with ends the process: another one stands by.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../../base/errors.ts";
import { provideSdk } from "../../../process/plugin/index.ts";
import { Channel } from "./channel.ts";
import { Deciders } from "./deciders.ts";
import {
  DECIDE,
  DECIDED,
  FAILED,
  FRAME_BYTES_MIN,
  FrameReader,
  frameOf,
  HELLO,
  LOAD,
  LOADED,
  PROTOCOL,
} from "./frames.ts";
import { DECISION_BYTES_MAX } from "./limits.ts";
import { requestFrame } from "./request-frame.ts";
import type { LoadAnswer, RuleFile } from "./words.ts";

/** The control socket, as a host inherits it. */
const CONTROL_FD = 3;
/** Our own machine has failed, not a rule. */
const EXIT_BROKEN = 70;

/** Runs until the gateway goes away. `exit` ends the process. */
export async function runRuleHost(pid: number, clock: Clock, exit: (code: number) => void): Promise<void> {
  provideSdk();
  const deciders = new Deciders(clock);
  const reader = new FrameReader((kind, id, body) => {
    if (kind === DECIDE) decide(deciders, channel, id, body, exit);
    else if (kind === LOAD) void load(deciders, channel, body);
  });
  const channel = await Channel.open(CONTROL_FD, {
    data: (bytes) => {
      if (!reader.push(bytes)) exit(EXIT_BROKEN);
    },
    closed: () => exit(0),
  });
  channel.write(frameOf(HELLO, 0, JSON.stringify({ protocol: PROTOCOL, pid })));
}

async function load(deciders: Deciders, channel: Channel, body: Buffer): Promise<void> {
  const files = JSON.parse(body.toString()) as readonly RuleFile[]; // our parent wrote it
  let answer: LoadAnswer;
  try {
    answer = { faults: await deciders.load(files, warmRequest()) };
  } catch (thrown) {
    answer = { faults: [{ path: files[0]?.path ?? "", message: messageOf(thrown) }] };
  }
  channel.write(frameOf(LOADED, 0, JSON.stringify(answer)));
}

function decide(deciders: Deciders, channel: Channel, id: number, request: Buffer, exit: (code: number) => void): void {
  try {
    channel.write(frameOf(DECIDED, id, decisionText(deciders.decide(request))));
  } catch (thrown) {
    const { code, message } = toFailure(thrown, "gateway.rule_broken");
    channel.write(frameOf(FAILED, id, JSON.stringify({ code, message })));
    if (code === "gateway.rule_broken") exit(EXIT_BROKEN);
  }
}

function decisionText(decision: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(decision ?? null) ?? "null";
  } catch (thrown) {
    throw new Failure("gateway.rule_invalid", `what the rule decided is no plain data: ${messageOf(thrown)}`);
  }
  if (text.length <= DECISION_BYTES_MAX) return text;
  throw new Failure(
    "gateway.rule_invalid",
    `what the rule decided has ${text.length} characters; at most ${DECISION_BYTES_MAX} are allowed`,
  );
}

/** What any request looks like. */
function warmRequest(): Buffer {
  const texts = {
    method: "GET",
    scheme: "http",
    host: "h",
    path: "/a/b",
    query: "c=d",
    client: "192.0.2.1",
    route: "r",
  };
  const headers = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`x-header-${at}`, "value"]));
  const frame = requestFrame(0, 0, 0, { ...texts, headers, params: { a: "b" } });
  return Buffer.from(frame!.subarray(FRAME_BYTES_MIN)); // far below the limit
}
