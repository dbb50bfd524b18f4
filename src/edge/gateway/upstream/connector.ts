/**
 * From a host to a connected socket: the name is looked up once, each address is judged, and the connection is made to the very
 * address that was judged, so that a name that changes its answer in between (DNS rebinding) gains nothing. Addresses are tried
 * in turn, the next one a little later or as soon as one fails; the first that is connected, and verified where TLS is
 * asked for, is taken and the others are closed.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure, messageOf } from "../../../base/errors.ts";
import { type AddressRules, plainAddress, readHost } from "./addresses.ts";
import { ATTEMPT_DELAY_MS } from "./limits.ts";
import type { Resolved, Resolver } from "./resolver.ts";
import { BunSocket, type Opening, SOCKET_HANDLERS } from "./socket.ts";
import type { TlsPlan } from "./tls.ts";

export interface ConnectPlan {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPlan | undefined;
  /** Addresses inside are refused. */
  readonly isDynamic: boolean;
  readonly timeoutMs: number;
}

export interface ConnectorPorts {
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly rules: AddressRules;
  /** What a part of ours has thrown on a connection; `gateway.defect`. */
  readonly onDefect?: ((failure: Failure) => void) | undefined;
}

/** `gateway.connect_failed`, `gateway.address_denied`, `gateway.upstream_timeout`, `gateway.upstream_busy` (too many names). */
export type Connected = BunSocket | Failure;

/** `done` is called once, perhaps at once; never after `cancel`. */
export function connect(ports: ConnectorPorts, plan: ConnectPlan, done: (outcome: Connected) => void): Connecting {
  const connecting = new Connecting(ports, plan, done);
  connecting.begin();
  return connecting;
}

export class Connecting implements Opening {
  readonly #ports: ConnectorPorts;
  readonly #plan: ConnectPlan;
  readonly #attempts: BunSocket[] = [];
  #done: ((outcome: Connected) => void) | undefined;
  #addresses: readonly string[] = [];
  #next = 0;
  #whole: Timer | undefined;
  #stagger: Timer | undefined;
  #lastFault = "";
  /** The name that is looked up. */
  #name: string | undefined;
  readonly #lookedUp = (answer: Resolved): void => {
    this.#name = undefined;
    this.#take(answer);
  };

  constructor(ports: ConnectorPorts, plan: ConnectPlan, done: (outcome: Connected) => void) {
    this.#ports = ports;
    this.#plan = plan;
    this.#done = done;
  }

  begin(): void {
    const { clock } = this.#ports;
    this.#whole = clock.after(this.#plan.timeoutMs, () => this.#timeOut());
    const host = this.#readHost();
    if (host instanceof Failure) this.#finish(host);
    else if ("ip" in host) this.#take([host.ip]);
    else this.#lookUp(host.name);
  }

  cancel(): void {
    this.#done = undefined;
    this.#stop(undefined);
  }

  opened(socket: BunSocket, isVerified: boolean, problem: string): void {
    const { tls } = this.#plan;
    if (tls !== undefined && !tls.isUnverified && !isVerified) return this.#drop(socket, `its certificate: ${problem}`);
    if (tls?.needsH2 && socket.protocol !== "h2") return this.#drop(socket, "it does not speak HTTP/2 (no h2 by ALPN)");
    this.#finish(socket);
  }

  failed(socket: BunSocket, why: string): void {
    this.#lastFault = why;
    const at = this.#attempts.indexOf(socket);
    if (at >= 0) this.#attempts.splice(at, 1);
    if (this.#done !== undefined) this.#tryNext();
  }

  #lookUp(name: string): void {
    this.#name = name;
    this.#ports.resolver.lookup(name, this.#plan.isDynamic, this.#lookedUp);
  }

  #readHost(): ReturnType<typeof readHost> | Failure {
    try {
      return readHost(this.#plan.host);
    } catch (thrown) {
      if (thrown instanceof Failure)
        return this.#plan.isDynamic ? denied(this.#plan.host, thrown.message) : this.#failure(thrown.message);
      throw thrown;
    }
  }

  #take(answer: Resolved): void {
    if (this.#done === undefined) return; // it was cancelled, or took too long
    if (answer instanceof Failure) return this.#finish(answer);
    this.#addresses = this.#plan.isDynamic ? this.#allowed(answer) : answer;
    if (this.#done === undefined) return; // none of them may be reached
    this.#tryNext();
  }

  /** What is judged is what is connected to. */
  #allowed(answer: readonly string[]): readonly string[] {
    const { rules } = this.#ports;
    const allowed = answer.filter((address) => rules.denial(address) === undefined);
    if (allowed.length === 0) this.#finish(denied(this.#plan.host, `${answer[0]} is ${rules.denial(answer[0]!)}`));
    return allowed.flatMap((address) => plainAddress(address) ?? []);
  }

  #tryNext(): void {
    this.#stagger?.cancel();
    const address = this.#addresses[this.#next];
    if (address === undefined) {
      if (this.#attempts.length === 0) this.#finish(this.#failure(this.#lastFault));
      return;
    }
    this.#next++;
    if (this.#next < this.#addresses.length)
      this.#stagger = this.#ports.clock.after(ATTEMPT_DELAY_MS, () => this.#tryNext());
    this.#dial(address);
  }

  /** To an address: nothing is looked up here. */
  #dial(address: string): void {
    const { port, tls } = this.#plan;
    const socket = new BunSocket(this, tls !== undefined, this.#ports.onDefect);
    this.#attempts.push(socket);
    const options = {
      hostname: address,
      port,
      socket: SOCKET_HANDLERS,
      data: socket,
      ...(tls && { tls: tls.options }),
    };
    try {
      Bun.connect(options).catch((thrown: unknown) => socket.failed(messageOf(thrown)));
    } catch (thrown) {
      socket.failed(messageOf(thrown)); // TLS material that is none
    }
  }

  #drop(socket: BunSocket, why: string): void {
    socket.destroy();
    this.failed(socket, why);
  }

  #timeOut(): void {
    const { host, port, timeoutMs } = this.#plan;
    const message = `connecting to ${host}:${port}: not done within ${timeoutMs} ms`;
    this.#finish(new Failure("gateway.upstream_timeout", message, { retryable: true }));
  }

  #failure(why: string): Failure {
    const { host, port } = this.#plan;
    return new Failure("gateway.connect_failed", `connecting to ${host}:${port}: ${why}`, { retryable: true });
  }

  #finish(outcome: Connected): void {
    const done = this.#done;
    this.#done = undefined;
    this.#stop(outcome instanceof BunSocket ? outcome : undefined);
    done?.(outcome);
  }

  #stop(kept: BunSocket | undefined): void {
    this.#whole?.cancel();
    this.#stagger?.cancel();
    if (this.#name !== undefined) this.#ports.resolver.forget(this.#name, this.#lookedUp);
    for (const attempt of this.#attempts.splice(0)) if (attempt !== kept) attempt.destroy();
  }
}

function denied(host: string, why: string): Failure {
  const message = `connecting to ${host}: ${why}; a dynamic target needs a public address`;
  return new Failure("gateway.address_denied", message);
}
