/**
 * Letters that are run again. The chosen records are written to a file of their own, one for each stage that refused some, and a
 * pipeline that begins with that stage reads it: a pipeline like any other, so what holds for those holds for it: each record once, over
 * crashes too. Its output and its own letters are its own: nothing that the original has written is touched. Letters are
 * deleted only when all of a replay has ended well, and only those that were run.
 */
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { join, parse } from "node:path";
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { type DeadLetterFilter, listDeadLetters, purgeDeadLetters } from "../../work/pipeline/dead-letter/index.ts";
import { prepareOrRefuse } from "../check-pipeline.ts";
import { stateDirectory } from "../self.ts";
import type { ReplayView } from "./dead-letter-contract.ts";
import type { LetterPlace } from "./letter-places.ts";
import { replayFileText, replayOutput, SOURCE_STAGE } from "./replay-file.ts";
import type { BeginReplay, ReplayRun } from "./run-replay.ts";

/** Their numbers are held until the replay has ended. */
export const REPLAY_LETTERS_MAX = 1_000_000;
/** Replays that are remembered; the oldest that are over are forgotten first. */
const REPLAYS_MAX = 200;
const LOOK_EVERY_MS = 500;

export interface ReplayRequest {
  readonly place: LetterPlace;
  readonly filter: DeadLetterFilter;
  readonly texts: boolean;
  readonly output: string | undefined;
  readonly purge: boolean;
}

export interface ReplaysPorts {
  readonly dataDir: string | undefined;
  readonly clock: Clock;
  /** Looked for with each replay: who leads changes. */
  readonly begin: () => BeginReplay;
  /** Letters of this file were deleted. */
  readonly purged: (file: string) => void;
}

interface Replay {
  readonly about: Omit<ReplayView, "state" | "detail" | "purged" | "by" | "id">;
  readonly run: ReplayRun;
  readonly letters: Chosen | undefined;
  readonly input: string;
  over?: { readonly state: string; readonly detail?: string | undefined };
  purged?: number;
}

/** To be deleted: their numbers hold while the file is the same one. */
interface Chosen {
  readonly file: string;
  readonly inode: number;
  readonly numbers: ReadonlySet<number>;
}

export class Replays {
  readonly #ports: ReplaysPorts;
  #replays: Replay[] = [];
  #timer: Timer | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ports: ReplaysPorts) {
    this.#ports = ports;
  }

  list(): readonly ReplayView[] {
    return this.#replays.map(viewOf);
  }

  /** One for each stage. Fails with the pipeline file's faults or `dead_letter.…`; then nothing runs, or what had begun before. */
  begin(request: ReplayRequest): Promise<readonly ReplayView[]> {
    const begun = this.#turn.then(() => this.#begin(request));
    this.#turn = begun.catch(() => {});
    return begun;
  }

  close(): void {
    this.#timer?.cancel();
    for (const { over, run } of this.#replays) if (!over) run.close();
  }

  async #begin({ filter, output, place, purge, texts }: ReplayRequest): Promise<readonly ReplayView[]> {
    const { file, path, pipeline } = place;
    if (path === undefined) {
      const message = `the pipeline file of ${pipeline} is not known here: submit or run it again, or use its path`;
      throw new Failure("dead_letter.no_pipeline", message);
    }
    const prepared = await prepareOrRefuse(path);
    const directory = join(stateDirectory(this.#ports.dataDir), "replays");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const inode = statSync(file).ino;
    const parts = await numbersByStage(file, filter, texts);
    if (parts.size === 0)
      throw new Failure("dead_letter.nothing", `${pipeline} has no such letters that could be run again`);
    if (output !== undefined && parts.size > 1) {
      const stages = [...parts.keys()].join(", ");
      throw new Failure("dead_letter.several_stages", `letters of ${stages} cannot share one output; choose a stage`);
    }
    const begun: Replay[] = [];
    for (const [stage, numbers] of parts) {
      const name = freeName(directory, parse(path).name);
      const to = replayOutput(prepared, output, name, directory);
      const input = join(directory, `${name}.ndjson`);
      const text = replayFileText(prepared, { stage, input, output: to });
      await writeRecords(file, { numbers }, input);
      const replayPath = join(directory, `${name}.txt`);
      await writeFile(replayPath, text, { mode: 0o600 });
      const run = await this.#ports.begin()(replayPath);
      const begunMs = this.#ports.clock.now();
      const about = { name, pipeline, stage, letters: numbers.size, begunMs, ...(to !== undefined && { output: to }) };
      begun.push({ about, run, input, letters: purge ? { file, inode, numbers } : undefined });
      this.#remember(begun.at(-1)!);
    }
    return begun.map(viewOf);
  }

  #remember(replay: Replay): void {
    this.#replays.push(replay);
    const excess = this.#replays.length - REPLAYS_MAX;
    if (excess > 0) {
      const gone = new Set(this.#replays.filter(({ over }) => over).slice(0, excess));
      this.#replays = this.#replays.filter((each) => !gone.has(each));
    }
    this.#watch();
  }

  #watch(): void {
    this.#timer?.cancel();
    if (this.#replays.every(({ over }) => over)) return;
    this.#timer = this.#ports.clock.after(LOOK_EVERY_MS, () => void this.#look().finally(() => this.#watch()));
  }

  async #look(): Promise<void> {
    for (const replay of this.#replays) {
      if (replay.over) continue;
      const { detail, state } = stateOf(replay.run);
      if (state !== "ended" && state !== "cancelled" && state !== "failed") continue;
      replay.over = { state, detail };
      if (state !== "ended") continue;
      rmSync(replay.input, { force: true }); // what is in it went on to the output
      await this.#purge(replay);
    }
  }

  /** What cannot be deleted stays, and is told. */
  async #purge(replay: Replay): Promise<void> {
    const { letters } = replay;
    if (!letters) return;
    try {
      if (statSync(letters.file).ino !== letters.inode) throw new Error("the file is another one since");
      const { purged } = await purgeDeadLetters(letters.file, { numbers: letters.numbers });
      replay.purged = purged;
      this.#ports.purged(letters.file);
    } catch (thrown) {
      replay.over = { state: "ended", detail: `its letters stay: ${messageOf(thrown)}` };
    }
  }
}

function viewOf({ about, over, purged, run }: Replay): ReplayView {
  const { detail, state } = over ?? stateOf(run);
  const { by, id } = run;
  return { ...about, by, id, state, ...(detail !== undefined && { detail }), ...(purged !== undefined && { purged }) };
}

/** A master that leads no more does not know it: it goes on where somebody else leads. */
function stateOf(run: ReplayRun): ReturnType<ReplayRun["state"]> {
  try {
    return run.state();
  } catch (thrown) {
    return { state: "unknown", detail: messageOf(thrown) };
  }
}

async function numbersByStage(
  file: string,
  filter: DeadLetterFilter,
  texts: boolean,
): Promise<ReadonlyMap<string, Set<number>>> {
  const parts = new Map<string, Set<number>>();
  let count = 0;
  for await (const entry of listDeadLetters(file, filter)) {
    if (entry.kind === "damaged") continue;
    const { number, payload, stage } = entry.letter;
    if (payload.kind === "text" && !texts) continue;
    if (++count > REPLAY_LETTERS_MAX) {
      const message = `more than ${REPLAY_LETTERS_MAX} letters are chosen; choose a stage, a reason or a batch`;
      throw new Failure("dead_letter.too_many", message);
    }
    const at = payload.kind === "text" ? SOURCE_STAGE : stage;
    const numbers = parts.get(at) ?? new Set();
    parts.set(at, numbers.add(number));
  }
  return parts;
}

/** Byte for byte as they failed; on disk when it resolves. */
async function writeRecords(file: string, filter: DeadLetterFilter, path: string): Promise<void> {
  await using target = await open(path, "wx", 0o600);
  const newline = Buffer.from("\n");
  let block: Uint8Array[] = [];
  let bytes = 0;
  const write = async (): Promise<void> => {
    await target.writeFile(Buffer.concat(block));
    [block, bytes] = [[], 0];
  };
  for await (const entry of listDeadLetters(file, filter)) {
    if (entry.kind === "damaged") continue;
    const { payload } = entry.letter;
    const line = payload.kind === "record" ? payload.json : Buffer.from(payload.text);
    block.push(line, newline);
    bytes += line.length + 1;
    if (bytes >= BLOCK_BYTES) await write();
  }
  await write();
  await target.sync();
}

/** A write for each record would cost more than the reading. */
const BLOCK_BYTES = 1024 * 1024;

/** `orders+replay-1`, the first that nobody has had here. */
function freeName(directory: string, name: string): string {
  for (let number = 1; ; number++) {
    const free = `${name}+replay-${number}`;
    if (!existsSync(join(directory, `${free}.txt`)) && !existsSync(join(directory, `${free}.ndjson`))) return free;
  }
}
