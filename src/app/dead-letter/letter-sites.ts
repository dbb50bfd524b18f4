/**
 * Letters lie where the pipeline ran when they were written, and that may have been another master's turn. So every master tells its own
 * to the others over links, and whichever is asked finds them all: by the pipeline, wherever it lies. Masters of one machine that share
 * a data directory tell the same files; those are one, told by whoever comes first.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { nearMiss } from "../../base/near-miss.ts";
import type { LettersOfPipeline, ReplayView } from "./dead-letter-contract.ts";

/** Where letters are: a master. */
export interface LetterSite {
  readonly id: string;
  /** Of its machine. */
  readonly host: string;
  /** It is waited for: what it takes is the work that was asked for. */
  readonly isSelf: boolean;
  /** A method of `dead_letters`, of that one's own letters. Fails as the method does, and as the way to it. */
  call(method: string, input: unknown, signal: AbortSignal): Promise<unknown>;
}

export interface LetterSitesPorts {
  readonly clock: Clock;
  /** The one that leads first, then this one. */
  readonly sites: () => readonly LetterSite[];
}

/** The letters of one pipeline at one site. */
export interface SitedLetters {
  readonly site: LetterSite;
  /** As the site calls it. */
  readonly own: string;
  readonly told: LettersOfPipeline;
}

export interface Gathered<Found> {
  readonly found: readonly Found[];
  /** Who did not answer in time. */
  readonly missing: readonly string[];
}

/** A master that is well answers in milliseconds. Who looks at all letters gets what there is within this, as an overview needs it… */
const LOOK_MS = 700;
/** …and who looks for certain ones waits for a master that counts a large file for the first time. */
const FIND_MS = 10_000;

export class LetterSites {
  readonly #ports: LetterSitesPorts;

  constructor(ports: LetterSitesPorts) {
    this.#ports = ports;
  }

  /** Of all sites, each pipeline by a name that no other one has: `orders`, or `orders@m2` where several masters have letters of it. */
  async letters(signal: AbortSignal, withinMs: number = LOOK_MS): Promise<Gathered<SitedLetters>> {
    type Answer = { readonly pipelines: readonly LettersOfPipeline[] };
    const { answers, missing } = await this.#ask<Answer>("summary", withinMs, signal);
    const all = new Map<string, SitedLetters>();
    for (const { answer, site } of answers) {
      for (const told of answer.pipelines) {
        const place = `${site.host} ${told.file}`;
        if (!all.has(place)) all.set(place, { site, own: told.pipeline, told: { ...told, node: site.id } });
      }
    }
    const named = Map.groupBy(all.values(), ({ own }) => own);
    const found = [...all.values()].map((each) => {
      const isOne = named.get(each.own)!.length === 1;
      return isOne ? each : { ...each, told: { ...each.told, pipeline: `${each.own}@${each.site.id}` } };
    });
    return { found: found.sort((one, other) => (one.told.pipeline < other.told.pipeline ? -1 : 1)), missing };
  }

  /** Fails with `dead_letter.pipeline_not_found`, and with `dead_letter.several_nodes` where its name alone does not say which. */
  async find(which: string, signal: AbortSignal): Promise<SitedLetters> {
    const { found, missing } = await this.letters(signal, FIND_MS);
    const exact = found.find(({ told }) => told.pipeline === which);
    if (exact) return exact;
    const same = found.filter(({ own }) => own === which);
    if (same.length > 1) throw severalNodes(which, same);
    return same[0] ?? (await this.#byOtherWords(which, found, missing, signal));
  }

  /** What was run again, at any site. */
  async replays(signal: AbortSignal): Promise<readonly ReplayView[]> {
    const { answers } = await this.#ask<{ readonly replays: readonly ReplayView[] }>("replays", LOOK_MS, signal);
    return answers.flatMap(({ answer }) => answer.replays);
  }

  /** An id or a path: each site knows its own. */
  async #byOtherWords(
    which: string,
    found: readonly SitedLetters[],
    missing: readonly string[],
    signal: AbortSignal,
  ): Promise<SitedLetters> {
    for (const site of new Set(found.map((each) => each.site))) {
      try {
        const answer = await site.call("summary", { pipeline: which }, signal);
        const [told] = (answer as { readonly pipelines: readonly LettersOfPipeline[] }).pipelines; // of our own kind
        const known = found.find((each) => each.site === site && each.told.file === told?.file);
        if (known) return known;
      } catch (thrown) {
        if (!isNotFound(thrown)) throw thrown;
      }
    }
    throw notFound(which, found, missing);
  }

  async #ask<Answer>(method: string, withinMs: number, signal: AbortSignal) {
    const answers: { readonly site: LetterSite; readonly answer: Answer }[] = [];
    const missing: string[] = [];
    const sites = this.#ports.sites();
    const asked = sites.map((site) =>
      site.isSelf ? site.call(method, {}, signal) : this.#inTime(site, method, withinMs, signal),
    );
    for (const [at, outcome] of (await Promise.allSettled(asked)).entries()) {
      const site = sites[at]!;
      if (outcome.status === "fulfilled")
        answers.push({ site, answer: outcome.value as Answer }); // of our own kind
      else missing.push(site.id);
    }
    return { answers, missing: missing.sort() };
  }

  async #inTime(site: LetterSite, method: string, withinMs: number, signal: AbortSignal): Promise<unknown> {
    const over = new AbortController();
    const late = pause(this.#ports.clock, withinMs, over.signal).then(() => {
      const message = `${site.id} has not answered within ${withinMs} ms`;
      throw new Failure("dead_letter.silent", message, { retryable: true });
    });
    late.catch(() => {}); // when it is over, this is not needed
    try {
      return await Promise.race([site.call(method, {}, AbortSignal.any([signal, over.signal])), late]);
    } finally {
      over.abort();
    }
  }
}

function isNotFound(thrown: unknown): boolean {
  return toFailure(thrown, "dead_letter.failed").code === "dead_letter.pipeline_not_found";
}

function severalNodes(which: string, same: readonly SitedLetters[]): Failure {
  const names = same.map(({ told }) => told.pipeline);
  const message = `${JSON.stringify(which)} has dead letters on several masters; ${names.join(" or ")} is required`;
  return new Failure("dead_letter.several_nodes", message, { data: { pipelines: names } });
}

function notFound(which: string, found: readonly SitedLetters[], missing: readonly string[]): Failure {
  const names = found.map(({ told }) => told.pipeline);
  const near = nearMiss(which, names);
  const hint = near === undefined ? `there are ${names.slice(0, 20).join(", ") || "none"}` : `did you mean ${near}?`;
  const unheard = missing.length === 0 ? "" : `; ${missing.join(", ")} did not answer`;
  const message = `no pipeline ${JSON.stringify(which)} has dead letters on the masters; ${hint}${unheard}`;
  return new Failure("dead_letter.pipeline_not_found", message);
}
