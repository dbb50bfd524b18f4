/**
 * Reports in a state that several masters share: whoever leads goes on in those of the one before. A report is there whole or as
 * it was before. A bounded number is kept, those not written for the longest time go.
 */
import { z } from "zod";
import { Failure, messageOf } from "../../base/errors.ts";
import { deleteLarge, getLarge, putLarge, writeLarge } from "../../base/kept-large.ts";
import { decodeKept, encodeKept, isDeposed, type KeptState, keyPart } from "../../base/kept-state.ts";
import { KeptSweep } from "../../base/kept-sweep.ts";
import type { Random } from "../../base/random.ts";
import { type Report, reportSchema } from "./model.ts";
import {
  idMeant,
  lineOf,
  REPORTS_MAX,
  type ReportLine,
  readStored,
  reportLine,
  type StoredReports,
  unusedId,
} from "./stored-reports.ts";

const PLACE = "what the masters keep";
const LINE = "line/";
const BODY = "body/";

const keptLine = reportLine.extend({ run: z.string() });

export class KeptReports implements StoredReports {
  readonly #kept: KeptState;
  readonly #max: number;
  readonly #sweep: KeptSweep;

  /** `kept` is theirs alone. */
  constructor(kept: KeptState, max = REPORTS_MAX) {
    this.#kept = kept;
    this.#max = max;
    this.#sweep = new KeptSweep(kept);
  }

  newId(name: string, nowMs: number, random: Random): string {
    return unusedId((id) => this.#kept.get(LINE + keyPart(id)) !== undefined, name, nowMs, random);
  }

  /** Fails with `report.write_failed`, which may pass, and with `master.deposed`. */
  async save(report: Report): Promise<void> {
    try {
      await this.#sweep.around(() => this.#write(report));
    } catch (thrown) {
      if (isDeposed(thrown)) throw thrown;
      const message = `keeping report ${report.id}: ${messageOf(thrown)}; a store that takes it is required`;
      throw new Failure("report.write_failed", message, { cause: thrown, retryable: true });
    }
  }

  list(limit = this.#max): ReportLine[] {
    return this.#lines()
      .slice(0, limit)
      .map(({ run: _, ...line }) => line);
  }

  get(written: string): Report {
    return this.#body(idMeant(written, this.#lines(), PLACE));
  }

  ofRun(run: string): Report | undefined {
    const lines = this.#lines().filter((each) => each.run === run);
    const [latest] = lines.toSorted((one, other) => other.updatedMs - one.updatedMs);
    return latest && this.#body(latest.id);
  }

  close(): void {}

  #write(report: Report): Promise<void> {
    const { id, run } = report;
    const others = this.#lines().filter((each) => each.id !== id);
    const oldest = others.toSorted((one, other) => other.updatedMs - one.updatedMs).slice(this.#max - 1);
    const line = encodeKept({ ...lineOf(report), run });
    return writeLarge(
      this.#kept,
      putLarge(this.#kept, LINE + keyPart(id), line),
      putLarge(this.#kept, BODY + keyPart(id), encodeKept(report)),
      ...oldest.flatMap((each) => [LINE, BODY].map((kind) => deleteLarge(this.#kept, kind + keyPart(each.id)))),
    );
  }

  #lines() {
    const lines = this.#kept.list(LINE).map(({ key }) => {
      return readStored(() => decodeKept(getLarge(this.#kept, key)!), keptLine, PLACE);
    });
    return lines.toSorted((one, other) => other.startedMs - one.startedMs || (one.id < other.id ? -1 : 1));
  }

  #body(id: string): Report {
    return readStored(() => decodeKept(getLarge(this.#kept, BODY + keyPart(id))!), reportSchema, PLACE);
  }
}
