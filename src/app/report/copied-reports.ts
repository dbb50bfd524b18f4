/**
 * A master's reports, which all masters of a group share, with a copy of each ended one in the local file: there `report` finds
 * it when no master runs any more. A copy that cannot be made is told once.
 */
import { messageOf } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import type { Report, ReportLine, StoredReports } from "../../work/report/index.ts";
import { openReports } from "./reports.ts";

export class CopiedReports implements StoredReports {
  readonly #reports: StoredReports;
  readonly #dataDir: string | undefined;
  readonly #warn: (text: string) => void;
  #isWarned = false;

  constructor(reports: StoredReports, dataDir: string | undefined, warn: (text: string) => void) {
    this.#reports = reports;
    this.#dataDir = dataDir;
    this.#warn = warn;
  }

  newId(name: string, nowMs: number, random: Random): string {
    return this.#reports.newId(name, nowMs, random);
  }

  async save(report: Report): Promise<void> {
    await this.#reports.save(report);
    if (report.state !== "running") this.#copy(report);
  }

  list(limit?: number): ReportLine[] {
    return this.#reports.list(limit);
  }

  get(written: string): Report {
    return this.#reports.get(written);
  }

  ofRun(run: string): Report | undefined {
    return this.#reports.ofRun(run);
  }

  close(): void {}

  #copy(report: Report): void {
    try {
      const file = openReports(this.#dataDir);
      try {
        file.save(report);
      } finally {
        file.close();
      }
    } catch (thrown) {
      if (!this.#isWarned) this.#warn(`no local copy of report ${report.id}: ${messageOf(thrown)}`);
      this.#isWarned = true;
    }
  }
}
