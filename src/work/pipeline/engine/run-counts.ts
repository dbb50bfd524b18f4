/**
 * Where every record went, over the whole run: committed batches only, stored with the checkpoint so that a resumed run
 * goes on counting. `in + added = out + filtered + dead-lettered + skipped` must hold for every stage, what one stage
 * lets out the next takes in, and what the last lets out is written. A run whose stages were changed under way is
 * counted in *epochs*, one for each set of stages: the sums must hold within each.
 */
import { addCounts, emptyCounts, type ItemResult, type StageCounts } from "../stages/index.ts";

export interface CountsJson {
  readonly source: StageCounts;
  readonly epochs: readonly EpochJson[];
  readonly past: PastJson;
}

/** Epochs that are over, in one: however often the stages change, what is stored does not grow with it. */
interface PastJson {
  readonly stages: readonly NamedCounts[];
  readonly read: number;
  readonly written: number;
  /** What did not add up in them. */
  readonly faults: readonly string[];
}

interface EpochJson {
  readonly stages: readonly string[];
  readonly counts: readonly StageCounts[];
  /** Records that the source handed to the first stage, and that the sink took. */
  readonly read: number;
  readonly written: number;
}

interface Epoch {
  readonly stages: readonly string[];
  readonly counts: readonly StageCounts[];
  read: number;
  written: number;
}

export interface NamedCounts {
  readonly stage: string;
  readonly counts: StageCounts;
}

/** More say no more. */
const FAULTS_MAX = 100;

export class RunCounts {
  /** Records read, handed on, and malformed. */
  readonly source = emptyCounts();
  #epochs: Epoch[];
  /** Epochs folded away: the number of the first one that is left. */
  #first = 0;
  #past: PastJson;

  /** A stored run goes on in its last epoch when the stages are the same. */
  constructor(stages: readonly string[], stored?: CountsJson) {
    if (stored) addCounts(this.source, stored.source);
    this.#epochs = (stored?.epochs ?? []).map(revived);
    this.#past = stored?.past ?? { stages: [], read: 0, written: 0, faults: [] };
    const last = this.#epochs.at(-1);
    if (!last || !sameNames(last.stages, stages)) this.begin(stages);
  }

  /** Number of the epoch that batches launched now belong to. */
  get epoch(): number {
    return this.#first + this.#epochs.length - 1;
  }

  /** Another set of stages begins. */
  begin(stages: readonly string[]): void {
    this.#epochs.push({ stages, counts: stages.map(emptyCounts), read: 0, written: 0 });
  }

  /** Puts away every epoch but the present one: when all their batches are committed. */
  fold(): void {
    const over = this.#epochs.slice(0, -1);
    const { faults, read, written } = this.#past;
    this.#past = {
      stages: this.stages.map(({ stage }) => ({ stage, counts: this.#sumOf(stage, over) })),
      read: read + over.reduce((sum, epoch) => sum + epoch.read, 0),
      written: written + over.reduce((sum, epoch) => sum + epoch.written, 0),
      faults: [...faults, ...over.flatMap(epochFaults)].slice(0, FAULTS_MAX),
    };
    this.#first += over.length;
    this.#epochs = this.#epochs.slice(-1);
  }

  /** Records that the sink took. */
  get written(): number {
    return this.#epochs.reduce((sum, { written }) => sum + written, this.#past.written);
  }

  /** One line a stage name: those at work now, in their order, then those that were taken out. */
  get stages(): readonly NamedCounts[] {
    const present = this.#epochs.toReversed().flatMap(({ stages }) => stages);
    const names = new Set([...present, ...this.#past.stages.map(({ stage }) => stage)]);
    return Array.from(names, (stage) => ({ stage, counts: this.#sumOf(stage, this.#epochs) }));
  }

  /** A batch of this epoch is committed; the sink took `written` records of it. */
  add({ counts, malformed }: ItemResult, oversized: number, written: number, number: number): void {
    const epoch = this.#epochs[number - this.#first]!;
    counts.forEach((more, index) => {
      addCounts(epoch.counts[index]!, more);
    });
    const read = counts[0]?.in ?? 0;
    epoch.read += read;
    epoch.written += written;
    this.source.in += read + malformed + oversized;
    this.source.out += read;
    this.source.deadLettered += malformed + oversized;
  }

  /** What does not add up, in words; empty when every record is accounted for. */
  faults(): string[] {
    const read = this.#epochs.reduce((sum, epoch) => sum + epoch.read, this.#past.read);
    const lost = read === this.source.out ? [] : [`source let ${this.source.out} out, the stages took ${read} in`];
    return [
      ...balanceFault("source", this.source),
      ...lost,
      ...this.#past.faults,
      ...this.#epochs.flatMap(epochFaults),
    ];
  }

  toJson(): CountsJson {
    const epochs = this.#epochs.map((epoch) => ({ ...epoch, counts: epoch.counts.map((counts) => ({ ...counts })) }));
    return { source: { ...this.source }, epochs, past: this.#past };
  }

  /** With what is past. */
  #sumOf(stage: string, epochs: readonly Epoch[]): StageCounts {
    const sum = emptyCounts();
    const past = this.#past.stages.find((each) => each.stage === stage);
    if (past) addCounts(sum, past.counts);
    for (const { counts, stages } of epochs) {
      const index = stages.indexOf(stage);
      if (index >= 0) addCounts(sum, counts[index]!);
    }
    return sum;
  }
}

function revived({ counts, ...rest }: EpochJson): Epoch {
  return { ...rest, counts: counts.map((each) => ({ ...each })) };
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, index) => name === right[index]);
}

/** Each stage by itself, and what one lets out against what the next takes in. */
function epochFaults({ counts, read, stages, written }: Epoch): string[] {
  const faults = counts.flatMap((each, index) => balanceFault(stages[index]!, each));
  let [from, out] = ["source", read];
  counts.forEach((each, index) => {
    const stage = stages[index]!;
    if (out !== each.in) faults.push(`${from} let ${out} out, ${stage} took ${each.in} in`);
    [from, out] = [stage, each.out];
  });
  if (out !== written) faults.push(`${from} let ${out} out, the sink took ${written}`);
  return faults;
}

function balanceFault(name: string, counts: StageCounts): string[] {
  const left = counts.out + counts.filtered + counts.deadLettered + counts.skipped;
  if (counts.in + counts.added === left) return [];
  return [`${name}: ${counts.in} in and ${counts.added} added, but ${left} out, filtered, dead-lettered or skipped`];
}
