/** Scenario `register`: the simulator's own test. Every part of the world is in use, and every checker can be made to fail. */
import type { Random } from "../../../src/base/random.ts";
import { type Cast, defineScenario, type Setup, type Stage, Violation } from "../run/scenario.ts";
import { CALM, exponential, MachineProcess, type Port, type Process, type Wait, type World } from "../world/index.ts";
import { RegisterLog } from "./register-log.ts";
import {
  REGISTER_RULES,
  Register,
  type RegisterEffect,
  type RegisterInput,
  type RegisterMessage,
  type RegisterRules,
} from "./register-machine.ts";

type RegisterProcess = MachineProcess<RegisterMessage, RegisterInput, RegisterEffect> & { readonly machine: Register };

const BUGS = {
  "takes-older": "a node takes over any number that differs from its own, also a lower one",
  "gives-up": "a node that could not reach another once never gossips again",
  "no-wait": "a node tells its number before the disk has it",
  "no-sync": "a node never syncs its file",
  "no-checksum": "a node believes whatever a crash left in its file",
} as const;

const NODES = 5;
const WRITE_EVERY_MS = 700;
const SYNC_MS_MEAN = 12;

export const registerScenario = defineScenario<RegisterMessage>({
  name: "register",
  summary:
    "a number that only grows, on 5 nodes with disks: never told and then forgotten, in the end equal everywhere",
  faultsMs: 20_000,
  convergeMs: 10_000,
  checkEveryMs: 1_000,
  bugs: BUGS,
  cast: (setup) => new RegisterCast(setup),
});

class RegisterCast implements Cast<RegisterMessage> {
  readonly nodes = NODES;
  readonly weather = CALM;
  readonly upMin = 1;
  readonly mix = {
    kinds: {
      weather: { everyMs: 4_000, forMs: 4_000 },
      split: { everyMs: 5_000, forMs: 3_000 },
      clog: { everyMs: 4_000, forMs: 1_000 },
      pause: { everyMs: 4_000, forMs: 1_000 },
      slow: { everyMs: 8_000, forMs: 3_000 },
      kill: { everyMs: 2_500, forMs: 1_000 },
      drift: { everyMs: 8_000, forMs: 5_000 },
      jump: { everyMs: 8_000, forMs: 0 },
    },
    acts: { write: { everyMs: WRITE_EVERY_MS, forMs: 0 } },
    driftMax: 0.05,
    lossMax: 0.4,
    delayMsMax: 100,
  };
  readonly #bug: string | undefined;
  readonly #random: Random;
  /** The highest number that a node has told, or has acknowledged to its writer, in any of its lives. */
  readonly #told = new Float64Array(NODES);
  readonly #seen = new Float64Array(NODES);
  #highest = 0;
  #world: World<RegisterMessage> | undefined;

  constructor({ bug, random }: Setup) {
    this.#bug = bug;
    this.#random = random;
  }

  readonly launch = (port: Port<RegisterMessage>): Process<RegisterMessage> => {
    const log = new RegisterLog(port.disk, this.#bug !== "no-checksum");
    const value = log.recover();
    if (value < this.#told[port.index]!) {
      throw new Violation(`node ${port.index} has told ${this.#told[port.index]} and comes back with ${value}`);
    }
    this.#seen[port.index] = value;
    const self = { index: port.index, value, nowMs: port.clock.monotonic() };
    return new MachineProcess<RegisterMessage, RegisterInput, RegisterEffect>({
      machine: new Register(self, NODES, port.random, this.#rules()),
      toInput: (from, message) => ({ type: "receive", from, message }),
      toUndelivered: (node) => ({ type: "unreachable", node }),
      carryOut: (effect) => this.#carryOut(effect, port, log),
    });
  };

  begin({ world }: Stage<RegisterMessage>): void {
    this.#world = world;
    for (let node = 0; node < NODES; node++) world.start(node);
  }

  act({ world }: Stage<RegisterMessage>, _name: string, node: number): void {
    const value = this.#highest + 1 + this.#random.below(5);
    world.poke(node, (process, nowMs) => {
      this.#highest = value;
      (process as RegisterProcess).feed({ type: "write", value }, nowMs);
    });
  }

  check({ world }: Stage<RegisterMessage>): string | undefined {
    for (const { index, process } of world.nodes) {
      if (process === undefined) continue;
      const { value } = (process as RegisterProcess).machine;
      if (value < this.#seen[index]!) return `node ${index} went back from ${this.#seen[index]} to ${value}`;
      if (value > this.#highest) return `node ${index} has ${value}, which nobody wrote`;
      this.#seen[index] = value;
    }
    return undefined;
  }

  goal({ world }: Stage<RegisterMessage>): string | undefined {
    const values = world.nodes.map(({ process }) => (process as RegisterProcess).machine.value);
    const told = this.#told.reduce((most, value) => Math.max(most, value), 0);
    if (values.every((value) => value === values[0]) && values[0]! >= told) return undefined;
    return `the numbers are ${values.join(" ")}, and ${told} was told`;
  }

  measures({ world }: Stage<RegisterMessage>): Readonly<Record<string, number>> {
    return { highest: this.#highest, lives: world.nodes.reduce((sum, { life }) => sum + life, 0) };
  }

  tagOf({ type, value }: RegisterMessage): number {
    return value * 4 + type.length;
  }

  describe({ type, value }: RegisterMessage): string {
    return `${type} ${value}`;
  }

  #rules(): RegisterRules {
    if (this.#bug === "takes-older") return { ...REGISTER_RULES, takes: (own, offered) => offered !== own };
    if (this.#bug === "gives-up") return { ...REGISTER_RULES, gossips: (wasUnreachable) => !wasUnreachable };
    return REGISTER_RULES;
  }

  #carryOut(effect: RegisterEffect, port: Port<RegisterMessage>, log: RegisterLog): Wait | undefined {
    if (effect.type === "persist") return this.#persist(effect.value, port, log);
    this.#told[port.index] = Math.max(this.#told[port.index]!, effect.message.value);
    if (effect.type === "send") port.send(effect.to, effect.message);
    else port.sendStream(effect.to, effect.message);
    return undefined;
  }

  #persist(value: number, port: Port<RegisterMessage>, log: RegisterLog): Wait | undefined {
    const synced = log.append(value);
    if (this.#bug === "no-sync") return undefined;
    const forMs = exponential(port.random, SYNC_MS_MEAN);
    if (this.#bug !== "no-wait") return { forMs, done: synced };
    this.#world?.at(this.#world.nowMs + forMs, synced);
    return undefined;
  }
}
