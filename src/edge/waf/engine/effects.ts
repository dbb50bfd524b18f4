/** What a rule does beside deciding: variables set, counted and dropped, records opened, switches of this transaction thrown. */
import type { CtlEffect, Effect, EngineMode, Rule } from "../language/index.ts";
import { expand } from "./macros.ts";
import type { Records } from "./records.ts";
import type { Removals } from "./removals.ts";
import { type Variables, wholeNumber } from "./variables.ts";

/** What `ctl` can switch, for this transaction. */
export interface Switches {
  engine: EngineMode;
  /** Undefined: by the content type. */
  bodyProcessor: string | undefined;
  isRequestBodyRead: boolean;
  isReplyBodyRead: boolean;
  requestBodyBytesMax: number;
  replyBodyBytesMax: number;
}

/** Variables are set as soon as a rule matches a value; everything else waits until the whole chain has matched. */
export function isImmediate(effect: Effect): boolean {
  return effect.kind === "setvar" || effect.kind === "unset" || effect.kind === "expirevar";
}

export class Effects {
  readonly #variables: Variables;
  readonly #records: Records;
  readonly #removals: Removals;
  readonly #switches: Switches;

  constructor(variables: Variables, records: Records, removals: Removals, switches: Switches) {
    this.#variables = variables;
    this.#records = records;
    this.#removals = removals;
    this.#switches = switches;
  }

  apply(effect: Effect, rule: Rule): void {
    const variables = this.#variables;
    switch (effect.kind) {
      case "setvar":
        return this.#set(effect, rule);
      case "unset":
        return this.#unset(effect.collection, expand(effect.key, variables, rule).toLowerCase());
      case "expirevar": {
        const seconds = wholeNumber(expand(effect.seconds, variables, rule));
        return variables.record(effect.collection)?.expire(expand(effect.key, variables, rule).toLowerCase(), seconds);
      }
      case "initcol":
        return variables.attach(
          effect.collection,
          this.#records.open(effect.collection, expand(effect.key, variables, rule)),
        );
      case "setenv":
        return variables.setKeyed("ENV", effect.name, expand(effect.value, variables, rule));
      case "ctl":
        return this.#control(effect);
      default:
        return this.#identify(effect.kind, expand(effect.value, variables, rule));
    }
  }

  #set(effect: Extract<Effect, { kind: "setvar" }>, rule: Rule): void {
    const key = expand(effect.key, this.#variables, rule).toLowerCase();
    const value = expand(effect.value, this.#variables, rule);
    const record = effect.collection === "tx" ? undefined : this.#variables.record(effect.collection);
    if (effect.collection !== "tx" && record === undefined) return;
    if (effect.how === "set") {
      if (record === undefined) this.#variables.setTx(key, value);
      else record.set(key, value);
      return;
    }
    const change = effect.how === "add" ? wholeNumber(value) : -wholeNumber(value);
    if (record === undefined) this.#variables.setTx(key, String(this.#variables.txNumber(key) + change));
    else record.set(key, String(wholeNumber(record.get(key) ?? "") + change));
  }

  #unset(collection: string, key: string): void {
    if (collection === "tx") this.#variables.unsetTx(key);
    else this.#variables.record(collection)?.unset(key);
  }

  /** `setsid`, `setuid`, `setrsc`: open the record of that name too. */
  #identify(kind: "setsid" | "setuid" | "setrsc", value: string): void {
    const [collection, variable] = IDENTITIES[kind];
    this.#variables.setSingle(variable, value);
    this.#variables.attach(collection, this.#records.open(collection, value));
  }

  #control(effect: CtlEffect): void {
    switch (effect.what) {
      case "requestBodyProcessor":
        this.#switches.bodyProcessor = effect.processor;
        return this.#variables.setSingle("REQBODY_PROCESSOR", effect.processor);
      case "requestBodyAccess":
        this.#switches.isRequestBodyRead = effect.isOn;
        return;
      case "responseBodyAccess":
        this.#switches.isReplyBodyRead = effect.isOn;
        return;
      case "requestBodyLimit":
        this.#switches.requestBodyBytesMax = Math.min(effect.bytes, this.#switches.requestBodyBytesMax);
        return;
      case "responseBodyLimit":
        this.#switches.replyBodyBytesMax = Math.min(effect.bytes, this.#switches.replyBodyBytesMax);
        return;
      case "ruleEngine":
        this.#switches.engine = effect.mode;
        return;
      // The body is always a variable, as in ModSecurity v3.
      case "forceRequestBodyVariable":
        return;
      default:
        return this.#removals.add(effect);
    }
  }
}

const IDENTITIES = {
  setsid: ["session", "SESSIONID"],
  setuid: ["user", "USERID"],
  setrsc: ["resource", "RESOURCEID"],
} as const;
