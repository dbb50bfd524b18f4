/**
 * The registry at work: bound to the clock by a pump, its changes given to the watchers, its refusals made Failures with
 * words. Processes that can be seen from here are looked at now and then, and when somebody else wants their alias: so a
 * node that was killed is soon told to have left, and one that is started again need not wait for its own ghost.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { assert, Failure } from "../../base/errors.ts";
import { Pump } from "../../base/machine.ts";
import { LOOK_EVERY_MS, TTL_MS_DEFAULT } from "./limits.ts";
import type { Peer, PeerChange, PeerListing } from "./peer.ts";
import { Registry, type RegistryAnswer, type RegistryEffect, type RegistryInput } from "./registry.ts";

export interface RegistrarPorts {
  readonly clock: Clock;
  readonly changed: (change: PeerChange) => void;
  /** Whether the process with the peer's number and start time is alive, as seen from here. */
  readonly sees: (peer: Peer) => boolean;
  /** A defect: nothing more is done. */
  readonly failed: (thrown: unknown) => void;
}

export type Outcome = (RegistryAnswer & { kind: "registered" })["outcome"];

const TICK = { type: "tick" } as const;

export class Registrar {
  readonly #ports: RegistrarPorts;
  readonly #registry: Registry;
  readonly #pump: Pump<RegistryInput, RegistryEffect>;
  readonly #startedMs: number;
  readonly #counts = { registered: 0, heartbeats: 0, refused: 0, expired: 0, gone: 0 };
  #calls = 0;
  #look: Timer | undefined;
  #answered: { readonly call: number; readonly answer: RegistryAnswer } | undefined;

  constructor(ports: RegistrarPorts, peersMax?: number) {
    this.#ports = ports;
    this.#registry = new Registry(peersMax);
    this.#startedMs = ports.clock.monotonic();
    const { clock, failed } = ports;
    this.#pump = new Pump(this.#registry, { clock, failed, carryOut: (effect) => this.#carryOut(effect) });
  }

  get counts(): Readonly<Record<string, number>> {
    return this.#counts;
  }

  get uptimeMs(): number {
    return Math.round(this.#ports.clock.monotonic() - this.#startedMs);
  }

  /** Fails with `pmd.alias_taken` or `pmd.full`. */
  register(asked: Peer): Outcome {
    const peer = this.#ports.sees(asked) ? asked : { ...asked, startTime: undefined };
    let answer = this.#ask((call) => ({ type: "register", call, peer }));
    if (answer.kind === "taken" && this.#isGone(answer.holder)) {
      this.#pump.feed({ type: "gone", nodeId: answer.holder.nodeId });
      answer = this.#ask((call) => ({ type: "register", call, peer }));
    }
    if (answer.kind === "registered") {
      this.#counts.registered++;
      if (peer.startTime !== undefined) this.#lookLater();
      return answer.outcome;
    }
    this.#counts.refused++;
    throw refusal(peer, answer);
  }

  /** Fails with `pmd.not_found`: register again. */
  heartbeat(nodeId: string): Peer {
    const answer = this.#ask((call) => ({ type: "heartbeat", call, nodeId }));
    if (answer.kind !== "alive") {
      throw new Failure("pmd.not_found", `node ${nodeId} is not registered; registering again is required`);
    }
    this.#counts.heartbeats++;
    return answer.peer;
  }

  /** Whether there was one. */
  unregister(nodeId: string): boolean {
    const answer = this.#ask((call) => ({ type: "unregister", call, nodeId }));
    return answer.kind === "unregistered" && answer.wasThere;
  }

  /** Fails with `pmd.not_found`. */
  resolve(alias: string): PeerListing {
    this.#pump.feed(TICK); // as in list
    const found = this.#registry.find(alias, this.#ports.clock.monotonic());
    if (found) return found;
    const { uptimeMs } = this;
    const isYoung = uptimeMs < TTL_MS_DEFAULT;
    const hint = isYoung
      ? `; this port mapper started ${uptimeMs} ms ago, and nodes of before register again with their next heart-beat`
      : "";
    throw new Failure("pmd.not_found", `no node is registered as ${JSON.stringify(alias)}${hint}`, {
      retryable: isYoung,
    });
  }

  list(): readonly PeerListing[] {
    this.#pump.feed(TICK); // who watches has heard of everybody who is no longer in the list
    return this.#registry.peers(this.#ports.clock.monotonic());
  }

  close(): void {
    this.#pump.stop();
    this.#look?.cancel();
  }

  /** Judged only where it could be seen when it registered: of another container's process nothing can be seen from here. */
  #isGone(peer: Peer): boolean {
    return peer.startTime !== undefined && !this.#ports.sees(peer);
  }

  /** As long as there is somebody to look at. */
  #lookLater(): void {
    this.#look ??= this.#ports.clock.after(LOOK_EVERY_MS, () => {
      this.#look = undefined;
      const seen = this.list().filter(({ startTime }) => startTime !== undefined);
      for (const peer of seen) if (this.#isGone(peer)) this.#pump.feed({ type: "gone", nodeId: peer.nodeId });
      if (seen.length > 0) this.#lookLater();
    });
  }

  /** The pump carries out at once, for nothing that the registry wants done takes time. */
  #ask(input: (call: number) => RegistryInput): RegistryAnswer {
    const call = ++this.#calls;
    this.#pump.feed(input(call));
    const answered = this.#answered;
    assert(answered?.call === call, `call ${call} was not answered at once`);
    return answered.answer;
  }

  #carryOut(effect: RegistryEffect): void {
    if (effect.type === "answer") this.#answered = effect;
    else if (effect.type === "joined") this.#ports.changed({ kind: "join", peer: effect.peer });
    else if (effect.type === "updated") this.#ports.changed({ kind: "update", peer: effect.peer });
    else {
      if (effect.reason === "expired" || effect.reason === "gone") this.#counts[effect.reason]++;
      this.#ports.changed({ kind: "leave", peer: effect.peer, reason: effect.reason });
    }
  }
}

function refusal(peer: Peer, answer: RegistryAnswer): Failure {
  if (answer.kind === "full") {
    const message = `cannot register ${peer.alias}: ${answer.peersMax} nodes are registered, no more are taken`;
    return new Failure("pmd.full", message, { retryable: true });
  }
  assert(answer.kind === "taken", `${answer.kind} is no answer to register`);
  const { alias, nodeId, host, port, pid, ttlMs, silentMs } = answer.holder;
  const message = `cannot register ${alias}: it is held by node ${nodeId} (process ${pid} at ${host}:${port}), heard of ${silentMs} ms ago; another alias is required, or the end of that node, which is noticed within ${ttlMs} ms`;
  return new Failure("pmd.alias_taken", message, { retryable: true, data: { holder: answer.holder } });
}
