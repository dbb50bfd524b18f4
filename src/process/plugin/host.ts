/**
 * The plugin host: the child's side. One message at a time, in order; only a grant overtakes, because the message being
 * worked on waits for it. User code runs here and nowhere else: whatever it does, this process is what it can break.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../base/errors.ts";
import {
  PLUGIN_API_VERSION,
  type PluginContext,
  type PluginPackage,
  type Select,
  type Snapshot,
} from "../../sdk/index.ts";
import { type AttachedSegment, attachSegment } from "../memory/index.ts";
import { BatchWork, type Prepared } from "./batch-work.ts";
import { LineChannel } from "./line-channel.ts";
import { loadPlugin, provideSdk } from "./loader.ts";
import {
  alignedBytes,
  type Carried,
  CONTROL_FD,
  type FromHost,
  type GrantMessage,
  type HealthMessage,
  handshakeLine,
  INPUT_FD,
  type LoadMessage,
  OUTPUT_FD,
  type Place,
  type ProcessMessage,
  type ReplayMessage,
  type RestoreMessage,
  type SelectMessage,
  type SnapshotMessage,
  STATE_FD,
  type StartMessage,
  type ToHost,
  type WarmMessage,
} from "./messages.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts";

/** Runs until the daemon says stop or goes away. `exit` ends the process. */
export async function runPluginHost(pid: number, clock: Clock, exit: (code: number) => void): Promise<void> {
  provideSdk();
  const host = new PluginHost(clock, exit);
  await host.open(pid);
}

/** The compiler's work is done well within it, unless the plugin is so slow that a cold start does not matter. */
const WARM_MS_MAX = 50;

class PluginHost {
  readonly #clock: Clock;
  readonly #exit: (code: number) => void;
  readonly #inbox: ToHost[] = [];
  #working = false;
  #channel: LineChannel | undefined;
  #load: LoadMessage | undefined;
  #plugin: PluginPackage | undefined;
  #context: PluginContext | undefined;
  #input: AttachedSegment | undefined;
  #output: AttachedSegment | undefined;
  #state: AttachedSegment | undefined;
  #work: BatchWork | undefined;
  #granted: ((place: Place) => void) | undefined;
  /** The plugin takes its batches in source order. */
  #inOrder = false;
  /** A batch has failed where order counts: what waits behind it must not come before it. The daemon starts another host. */
  #halted = false;

  constructor(clock: Clock, exit: (code: number) => void) {
    this.#clock = clock;
    this.#exit = exit;
  }

  async open(pid: number): Promise<void> {
    this.#channel = await LineChannel.open(CONTROL_FD, {
      line: (text) => this.#receive(text),
      closed: () => this.#exit(0),
    });
    this.#channel.send(handshakeLine(PLUGIN_API_VERSION, pid));
  }

  #receive(text: string): void {
    const message = JSON.parse(text) as ToHost; // our parent is the only writer of this socket
    if (message.t === "grant") return this.#grant(message);
    this.#inbox.push(message);
    if (!this.#working) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#working = true;
    for (let message = this.#inbox.shift(); message; message = this.#inbox.shift()) await this.#handle(message);
    this.#working = false;
  }

  async #handle(message: ToHost): Promise<void> {
    if (this.#halted && message.t !== "stop") return;
    try {
      if (message.t === "load") await this.#loadPlugin(message);
      else if (message.t === "check") await this.#check(message.params);
      else if (message.t === "start") await this.#start(message);
      else if (message.t === "process") await this.#process(message);
      else await this.#handleRare(message);
    } catch (thrown) {
      this.#halted = this.#inOrder && message.t === "process";
      const request = "request" in message ? { request: message.request } : {};
      this.#send({ t: "failed", ...request, error: describeThrown(thrown).toJSON() });
    }
  }

  async #handleRare(message: ToHost): Promise<void> {
    if (message.t === "restore") await this.#restore(message);
    else if (message.t === "replay") await this.#replay(message);
    else if (message.t === "snapshot") await this.#giveState(message);
    else if (message.t === "health") await this.#health(message);
    else if (message.t === "select") await this.#select(message);
    else if (message.t === "warm") await this.#warm(message);
    else if (message.t === "stop") await this.#stop();
  }

  async #loadPlugin(message: LoadMessage): Promise<void> {
    this.#load = message;
    this.#plugin = await loadPlugin(message.library);
    const { info, params, snapshot, finish, sequential } = this.#plugin;
    const stateful = snapshot !== undefined;
    this.#inOrder = stateful || finish !== undefined || sequential === true;
    this.#send({
      t: "loaded",
      info,
      params,
      stateful,
      sequential: this.#inOrder,
      exclusive: this.#plugin.exclusive === true,
      health: this.#plugin.health !== undefined,
      checks: this.#plugin.check !== undefined,
      ...(selectOf(this.#plugin) && { selects: true }),
    });
  }

  async #check(params: Readonly<Record<string, unknown>>): Promise<void> {
    const faults = (await this.#plugin!.check?.(params as never)) ?? []; // converted by the plugin's own schema
    this.#send({ t: "checked", faults });
  }

  async #start(message: StartMessage): Promise<void> {
    const { pipeline, run, stage, lane } = this.#load!;
    const log = Object.fromEntries(
      (["debug", "info", "warn", "error"] as const).map((level) => [
        level,
        (text: string) => this.#send({ t: "log", level, message: String(text) }),
      ]),
    ) as unknown as PluginContext["log"]; // fromEntries forgets the keys
    const directory = process.cwd();
    this.#context = { params: message.params as PluginContext["params"], pipeline, run, stage, lane, directory, log };
    if (message.inputBytes > 0) this.#input = attachSegment(INPUT_FD, message.inputBytes);
    if (message.outputBytes > 0) this.#output = attachSegment(OUTPUT_FD, message.outputBytes);
    if (message.stateBytes !== undefined) this.#state = attachSegment(STATE_FD, message.stateBytes);
    this.#work = new BatchWork(this.#plugin!, this.#context);
    await this.#plugin!.init(this.#context);
    this.#send({ t: "ready" });
  }

  async #restore(message: RestoreMessage): Promise<void> {
    await this.#plugin!.restore?.(decodeSnapshot(this.#carried(message.state)), this.#context!);
    this.#send({ t: "restored" });
  }

  #carried(bytes: Carried): Uint8Array {
    return typeof bytes === "string" ? Buffer.from(bytes, "base64") : this.#state!.slot(...bytes);
  }

  async #process(message: ProcessMessage): Promise<void> {
    const prepared = await this.#work!.process(this.#input!.slot(...message.input), message);
    const state = message.snapshot ? await this.#snapshot() : undefined;
    const sizes = [prepared.bytes, prepared.dead.length, state?.length ?? 0] as const;
    const total = sizes.reduce((sum, size) => sum + alignedBytes(size), 0);
    const place = total <= message.output[1] ? message.output : await this.#askFor(message.request, total);
    this.#deliver(this.#output!.slot(...place), prepared, state);
    this.#send({ t: "done", request: message.request, sizes, counts: prepared.counts });
  }

  #deliver(slot: Uint8Array, prepared: Prepared, state: Uint8Array | undefined): void {
    prepared.writeTo(slot);
    const deadAt = alignedBytes(prepared.bytes);
    slot.set(prepared.dead, deadAt);
    if (state) slot.set(state, deadAt + alignedBytes(prepared.dead.length));
  }

  async #snapshot(): Promise<Uint8Array> {
    const snapshot = this.#plugin!.snapshot;
    return snapshot ? encodeSnapshot((await snapshot(this.#context!)) as Snapshot) : new Uint8Array(0);
  }

  async #replay(message: ReplayMessage): Promise<void> {
    await this.#work!.replay(this.#carried(message.batch), message.rows);
    const counts = { total: 0, malformed: 0, in: 0, out: 0, filtered: 0, rejected: 0, added: 0 };
    this.#send({ t: "done", request: message.request, sizes: [0, 0, 0], counts });
  }

  async #giveState({ request, room }: SnapshotMessage): Promise<void> {
    const state = await this.#snapshot();
    const fits = room !== undefined && state.length <= room[1];
    if (fits) this.#state!.slot(room[0], state.length).set(state);
    this.#send({ t: "state", request, state: fits ? state.length : Buffer.from(state).toString("base64") });
  }

  async #select({ choice, request }: SelectMessage): Promise<void> {
    try {
      const id = await selectOf(this.#plugin!)?.(choice, this.#context!);
      this.#send({ t: "selected", request, ...(typeof id === "string" && { id }) });
    } catch (thrown) {
      this.#send({ t: "selected", request, error: describeThrown(thrown).toJSON() });
    }
  }

  async #health({ request }: HealthMessage): Promise<void> {
    try {
      await this.#plugin!.health?.(this.#context!);
      this.#send({ t: "healthy", request });
    } catch (thrown) {
      this.#send({ t: "healthy", request, error: describeThrown(thrown).toJSON() });
    }
  }

  /** Real work that comes meanwhile waits for one round at most. */
  async #warm({ batch, encoding }: WarmMessage): Promise<void> {
    const endMs = this.#clock.monotonic() + WARM_MS_MAX;
    const goesOn = async (): Promise<boolean> => {
      await pause(this.#clock, 0); // lets a message in
      return this.#inbox.length === 0 && this.#clock.monotonic() < endMs;
    };
    try {
      await this.#work?.warm(this.#carried(batch), encoding, goesOn);
      this.#send({ t: "warmed" });
    } catch (thrown) {
      this.#send({ t: "warmed", error: describeThrown(thrown).toJSON() });
    }
  }

  async #askFor(request: number, bytes: number): Promise<Place> {
    const granted = new Promise<Place>((resolve) => {
      this.#granted = resolve;
    });
    this.#send({ t: "need", request, bytes });
    const place = await granted;
    if (place[1] >= bytes) return place;
    throw new Failure(
      "pipeline.batch_too_large",
      `the batch became ${bytes} bytes large, more than a slot can hold; lower batch_rows or raise memory`,
    );
  }

  #grant(message: GrantMessage): void {
    this.#granted?.(message.output);
    this.#granted = undefined;
  }

  async #stop(): Promise<void> {
    if (this.#context) await this.#plugin?.cleanup(this.#context);
    this.#exit(0);
  }

  #send(message: FromHost): void {
    this.#channel!.send(JSON.stringify(message));
  }
}

/** With the plugin's own line, when the error has one: its author reads this in a dead letter. */
function describeThrown(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const place =
    thrown instanceof Error ? /\(?((?:\/|[A-Za-z]:)[^\s()]+:\d+:\d+)\)?/.exec(thrown.stack ?? "")?.[1] : undefined;
  const name = thrown instanceof Error && thrown.name !== "Error" ? `${thrown.name}: ` : "";
  return toFailure(
    new Failure("plugin.threw", `${name}${messageOf(thrown)}${place ? ` (at ${place})` : ""}`),
    "plugin.threw",
  );
}

/** Of a plugin made by defineBalancer; that it is a function was looked at when it was loaded. */
function selectOf(plugin: PluginPackage): Select | undefined {
  return (plugin as { readonly select?: Select }).select;
}
