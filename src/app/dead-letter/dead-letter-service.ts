/** Answers the contract `dead_letters` from the files that pipelines have left on this node. */
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { implement, type Service } from "../../wire/rpc/index.ts";
import { type DeadLetterFilter, purgeDeadLetters } from "../../work/pipeline/dead-letter/index.ts";
import { type LetterView, letter, letters } from "../dead-letters.ts";
import { stateDirectory } from "../self.ts";
import { deadLettersContract, type LettersOfPipeline, LIST_MAX, type ToldLetter } from "./dead-letter-contract.ts";
import { findPlace, type KnownPipeline, type LetterPlace, letterPlaces } from "./letter-places.ts";
import { Replays } from "./replays.ts";
import { type ReplayMaster, replayInProcess, replayOnMaster } from "./run-replay.ts";
import { Summaries } from "./summaries.ts";

export interface DeadLetterPorts {
  readonly dataDir: string | undefined;
  readonly clock: Clock;
  /** Pipelines of this node's master and of processes beside it. */
  readonly known: () => Promise<readonly KnownPipeline[]> | readonly KnownPipeline[];
  /** While this node leads. */
  readonly master?: (() => ReplayMaster | undefined) | undefined;
}

export interface DeadLetters {
  readonly service: Service;
  /** For an overview: how many there are of each pipeline, and why. */
  totals(): Promise<readonly LettersOfPipeline[]>;
  close(): void;
}

/** Groups of one pipeline that are told. */
const GROUPS_MAX = 50;
/** Of a record in a list: enough to know it. */
const LISTED_CHARS_MAX = 2_000;
/** Of one that is shown whole. */
const SHOWN_CHARS_MAX = 1024 * 1024;

export function openDeadLetters({ clock, dataDir, known, master }: DeadLetterPorts): DeadLetters {
  const summaries = new Summaries(clock);
  const begin = () => {
    const leading = master?.();
    return leading ? replayOnMaster(leading) : replayInProcess(stateDirectory(dataDir));
  };
  const replays = new Replays({ dataDir, clock, begin, purged: (file) => summaries.forget(file) });
  const places = async (): Promise<readonly LetterPlace[]> => letterPlaces(dataDir, await known());
  const placeOf = async (which: string): Promise<LetterPlace> => findPlace(await places(), which);
  const totals = async (): Promise<readonly LettersOfPipeline[]> =>
    Promise.all((await places()).map((place) => toldSummary(place, summaries)));
  const service = implement(deadLettersContract, {
    async summary({ pipeline }) {
      if (pipeline === undefined) return { pipelines: await totals() };
      return { pipelines: [await toldSummary(await placeOf(pipeline), summaries)] };
    },
    async list({ limit = LIST_MAX, offset = 0, pipeline, ...query }) {
      return listed((await placeOf(pipeline)).file, query, offset, limit);
    },
    async show({ number, pipeline }) {
      const { file } = await placeOf(pipeline);
      return { letter: toldLetter(await letter(file, number).catch(asNotFound), SHOWN_CHARS_MAX) };
    },
    async replay({ output, pipeline, purge = false, texts = false, ...selection }) {
      const request = { place: await placeOf(pipeline), filter: filterOf(selection), output, purge, texts };
      return { replays: await replays.begin(request) };
    },
    replays: () => ({ replays: replays.list() }),
    async purge({ all = false, pipeline, ...selection }) {
      const { file } = await placeOf(pipeline);
      const { kept, purged } = await purgeDeadLetters(file, filterOf(selection), { all });
      summaries.forget(file);
      return { purged, kept };
    },
  });
  return { service, totals, close: () => replays.close() };
}

/** What has an address of its own and is not there is not found, for whoever asks over HTTP. */
function asNotFound(thrown: unknown): never {
  if (!(thrown instanceof Failure) || thrown.code !== "dead_letter.no_such_letter") throw thrown;
  throw new Failure("dead_letter.letter_not_found", thrown.message, { cause: thrown });
}

async function toldSummary({ file, path, pipeline }: LetterPlace, summaries: Summaries): Promise<LettersOfPipeline> {
  const { damaged, groups, other, ...summary } = await summaries.of(file);
  const rest = groups.slice(GROUPS_MAX).reduce((sum, { count }) => sum + count, 0);
  return {
    ...{ pipeline, file, ...summary, damaged: damaged.count, others: other + rest },
    ...(path !== undefined && { path }),
    groups: groups.slice(0, GROUPS_MAX),
  };
}

interface Query {
  readonly stage?: string | undefined;
  readonly reason?: string | undefined;
  readonly batch?: string | undefined;
}

async function listed(file: string, query: Query, offset: number, limit: number) {
  const found: ToldLetter[] = [];
  const damaged: string[] = [];
  for await (const entry of letters(file, query, offset, limit + 1)) {
    if ("damaged" in entry) {
      if (damaged.length < LIST_MAX) damaged.push(entry.damaged);
    } else found.push(toldLetter(entry, LISTED_CHARS_MAX));
  }
  const hasMore = found.length > limit;
  return { letters: found.slice(0, limit), damaged, ...(hasMore && { next: offset + limit }) };
}

function toldLetter({ record, text, ...fields }: LetterView, charsMax: number): ToldLetter {
  const isCut = (record ?? text ?? "").length > charsMax;
  const cut = (each: string): string => each.slice(0, charsMax);
  const { attempts, batch, line, number, row, stage, time } = fields;
  return {
    ...{ number, time, stage, reason: cut(fields.reason), attempts, batch, isCut },
    ...(row !== undefined && { row }),
    ...(line !== undefined && { line }),
    ...(record !== undefined && { record: cut(record) }),
    ...(text !== undefined && { text: cut(text) }),
  };
}

function filterOf({ batch, numbers, reason, stage }: Query & { readonly numbers?: readonly number[] | undefined }) {
  const filter: DeadLetterFilter = {
    ...(stage !== undefined && { stage }),
    ...(reason !== undefined && { reason }),
    ...(batch !== undefined && { batch }),
    ...(numbers !== undefined && { numbers: new Set(numbers) }),
  };
  return filter;
}
