/**
 * The dead letters of all masters, as each of them answers for them. Its own it keeps whether it leads or not: what was written while it led
 * stays on its machine. Only while it leads are they run again by a submission; else beside the node.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { LinkHandlers } from "../../wire/link/index.ts";
import { Dispatcher, type Service } from "../../wire/rpc/index.ts";
import { deadLettersContract } from "../dead-letter/dead-letter-contract.ts";
import { type DeadLetters, openDeadLetters } from "../dead-letter/dead-letter-service.ts";
import { gatheredLetters } from "../dead-letter/gathered-service.ts";
import { knownRuns } from "../dead-letter/known-runs.ts";
import type { KnownPipeline } from "../dead-letter/letter-places.ts";
import { type LetterSite, LetterSites } from "../dead-letter/letter-sites.ts";
import type { OpenedNode } from "../node/open-node.ts";
import type { Leadership } from "./leadership.ts";
import { type PipelineView, pipelinesContract } from "./pipelines-contract.ts";

const LETTERS_TOPIC = "master/dead-letters";
const ROLE = "master";
/** Of a method that was looked for and found; the caller's own deadline ends it earlier. */
const CALL_MS = 60_000;
/** The leader tells its pipelines in milliseconds; without it letters are called by the names of their files. */
const KNOWN_MS = 300;

export interface MasterLettersPorts {
  readonly clock: Clock;
  readonly dataDir: string;
  readonly leadership: Pick<Leadership, "call" | "leader" | "leading">;
}

export class MasterLetters {
  readonly service: Service;
  /** Of links: the other masters ask for what lies here. */
  readonly handlers: LinkHandlers;
  readonly #ports: MasterLettersPorts;
  readonly #own: DeadLetters;
  readonly #dispatcher: Dispatcher;
  #node: OpenedNode | undefined;

  constructor(ports: MasterLettersPorts) {
    const { clock, dataDir, leadership } = ports;
    this.#ports = ports;
    const known = async () => [...(await this.#submitted()), ...knownRuns(dataDir)];
    this.#own = openDeadLetters({ clock, dataDir, known, master: () => leadership.leading?.pipelines });
    this.#dispatcher = new Dispatcher([this.#own.service], { clock });
    this.service = gatheredLetters(new LetterSites({ clock, sites: () => this.#sites() }));
    this.handlers = {
      [LETTERS_TOPIC]: {
        request: (payload, { signal }) => {
          const { input, method } = (payload ?? {}) as { readonly method?: unknown; readonly input?: unknown }; // looked at by the dispatcher
          return this.#here(String(method), input, signal);
        },
      },
    };
  }

  /** From now on the other masters are asked too. */
  follow(node: OpenedNode): void {
    this.#node = node;
  }

  close(): void {
    this.#own.close();
  }

  /** The one that leads first: of letters that several see it is the one to run them again. */
  #sites(): readonly LetterSite[] {
    const node = this.#node;
    const self: LetterSite = {
      ...{ id: node?.id ?? "this master", host: node?.address.host ?? "", isSelf: true },
      call: (method, input, signal) => this.#here(method, input, signal),
    };
    const others = (node?.membership.members() ?? [])
      .filter(({ id, meta, state }) => id !== node?.id && state === "alive" && meta.roles.includes(ROLE))
      .map(({ address, id }): LetterSite => {
        const call: LetterSite["call"] = async (method, input, signal) => {
          const link = await node!.links.get(address, { id, signal });
          return link.request(LETTERS_TOPIC, { method, input }, { timeoutMs: CALL_MS, signal });
        };
        return { id, host: address.host, isSelf: false, call };
      })
      .sort((one, other) => (one.id < other.id ? -1 : 1));
    const leader = this.#ports.leadership.leader?.id;
    const first = others.filter(({ id }) => id === leader);
    return [...first, self, ...others.filter(({ id }) => id !== leader)];
  }

  async #here(method: string, input: unknown, signal: AbortSignal): Promise<unknown> {
    const caller = { name: "another master", access: "node" } as const; // who was asked first has looked at who asks
    const contract = deadLettersContract.name;
    const reply = await this.#dispatcher.call({ contract, method, input, caller, timeoutMs: CALL_MS, signal });
    if (reply.ok) return reply.output;
    throw reply.failure;
  }

  /** Of whoever leads: their files are what letters are run again by. */
  async #submitted(): Promise<readonly KnownPipeline[]> {
    const { clock, leadership } = this.#ports;
    if (leadership.leading) {
      return leadership.leading.pipelines.list().map(({ entry: { id, path } }) => ({ id, path }));
    }
    if (!leadership.leader) return [];
    const over = new AbortController();
    const late = pause(clock, KNOWN_MS, over.signal).then(() => over.abort(new Failure("master.no_leader", "late")));
    try {
      const asked = leadership.call({ contract: pipelinesContract.name, method: "list", input: {} }, over.signal);
      const told = (await asked) as { readonly pipelines: readonly PipelineView[] }; // put to the schema where it was answered
      return told.pipelines.map(({ id, path }) => ({ id, path }));
    } catch {
      return []; // nobody leads at the moment: the letters are there all the same
    } finally {
      over.abort();
      await late;
    }
  }
}
