/**
 * Watching that goes on: reads the stream of a port mapper, and connects again when it ends, with growing pauses. What comes
 * out are differences (`PeerView`), whatever the port mapper went through in between. It starts no port mapper.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { Pump } from "../../base/machine.ts";
import type { Random } from "../../base/random.ts";
import { backoffDelayMs } from "../../protocol/retry/index.ts";
import { type Snapshot, watchEvents } from "./contract.ts";
import { EventReader, type StreamEvent } from "./event-stream.ts";
import { WATCH_SILENCE_MS_MAX } from "./limits.ts";
import type { Peer, PeerChange } from "./peer.ts";
import { PeerView, type PeerViewInput } from "./peer-view.ts";

export interface PeerListener {
  readonly changed: (change: PeerChange) => void;
  /** A snapshot has been read: from now on changes come as they happen. */
  readonly connected?: (life: string) => void;
  /** The stream has ended; `reason` as the port mapper told it, else why it broke. It is being connected again. */
  readonly disconnected?: (reason: string, failure: Failure | undefined) => void;
}

export interface PeerWatchPorts {
  /** Gives an open stream of events of a proven sender. */
  readonly open: (signal: AbortSignal) => Promise<Response>;
  readonly clock: Clock;
  readonly random: Random;
}

/** On the own host nothing is saved by waiting long, and a connection that is refused costs nothing. */
const BACKOFF = { initialMs: 100, maxMs: 2_000, jitter: 0.5 } as const;

export class PeerWatch {
  readonly #ports: PeerWatchPorts;
  readonly #listener: PeerListener;
  readonly #view = new PeerView();
  readonly #pump: Pump<PeerViewInput, PeerChange>;
  readonly #end = new AbortController();
  readonly #done: Promise<void>;
  #failures = 0;

  constructor(ports: PeerWatchPorts, listener: PeerListener) {
    this.#ports = ports;
    this.#listener = listener;
    this.#pump = new Pump(this.#view, {
      clock: ports.clock,
      carryOut: (change) => listener.changed(change),
      failed: (thrown) => listener.disconnected?.("defect", toFailure(thrown, "pmd.listener")),
    });
    this.#done = this.#run();
  }

  /** Those known now. */
  get peers(): readonly Peer[] {
    return this.#view.peers;
  }

  /** Tells nothing more. */
  async close(): Promise<void> {
    this.#pump.stop();
    this.#end.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#ports;
    const { signal } = this.#end;
    while (!signal.aborted) {
      const end = await this.#readOne().catch((thrown) => toFailure(thrown, "pmd.watch_broken"));
      if (signal.aborted) return;
      const isFailure = end instanceof Failure;
      this.#listener.disconnected?.(isFailure ? "broken" : end, isFailure ? end : undefined);
      this.#failures++;
      await pause(clock, backoffDelayMs(BACKOFF, this.#failures, random), signal);
    }
  }

  /** One connection, to its end: what the port mapper told as the reason. Fails when it broke. */
  async #readOne(): Promise<string> {
    const silence = this.#silence();
    try {
      const response = await this.#ports.open(silence.signal);
      const reader = new EventReader();
      for await (const chunk of response.body ?? []) {
        silence.heard();
        for (const event of reader.read(chunk)) {
          const reason = this.#take(event);
          if (reason !== undefined) return reason;
        }
      }
    } catch (thrown) {
      throw silence.signal.aborted && !this.#end.signal.aborted ? tooSilent() : thrown;
    } finally {
      silence.stop();
    }
    throw new Failure("pmd.watch_broken", "the stream of the port mapper ended without a word", { retryable: true });
  }

  /** The reason when it is the end. */
  #take(event: StreamEvent): string | undefined {
    if (!Object.hasOwn(watchEvents, event.name)) return undefined; // of a later version
    if (event.name === "end") return parse(event, watchEvents.end).reason;
    if (event.name === "snapshot") this.#snapshot(parse(event, watchEvents.snapshot));
    else if (event.name === "peer:leave") {
      this.#pump.feed({ type: "change", change: { kind: "leave", ...parse(event, watchEvents["peer:leave"]) } });
    } else {
      const kind = event.name === "peer:join" ? "join" : "update";
      this.#pump.feed({ type: "change", change: { kind, ...parse(event, watchEvents["peer:join"]) } });
    }
    return undefined;
  }

  #snapshot(snapshot: Snapshot): void {
    this.#failures = 0;
    this.#pump.feed({ type: "snapshot", ...snapshot });
    this.#listener.connected?.(snapshot.life);
  }

  /** Aborts when nothing is heard for too long, and with the whole watch. */
  #silence() {
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    this.#end.signal.addEventListener("abort", stop, { once: true });
    if (this.#end.signal.aborted) stop();
    const { clock } = this.#ports;
    let timer = clock.after(WATCH_SILENCE_MS_MAX, stop);
    return {
      signal: abort.signal,
      heard: () => {
        timer.cancel();
        timer = clock.after(WATCH_SILENCE_MS_MAX, stop);
      },
      stop: () => {
        timer.cancel();
        this.#end.signal.removeEventListener("abort", stop);
        stop(); // lets the connection go
      },
    };
  }
}

function tooSilent(): Failure {
  const message = `the port mapper has been silent for ${WATCH_SILENCE_MS_MAX} ms`;
  return new Failure("pmd.watch_broken", message, { retryable: true });
}

function parse<T>({ name, data }: StreamEvent, shape: { parse(value: unknown): T }): T {
  try {
    return shape.parse(JSON.parse(data));
  } catch (thrown) {
    throw new Failure("pmd.bad_stream", `the event ${name} is not what it should be`, { cause: thrown });
  }
}
