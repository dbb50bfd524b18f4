/** Counts what clients have asked, and why they got no answer. */
import type { Failure } from "../../../src/base/errors.ts";

export class Tally {
  calls = 0;
  answered = 0;
  unknown = 0;
  /** By code. */
  readonly failures = new Map<string, number>();

  failed({ code }: Failure): void {
    if (code === "data.unknown_outcome") this.unknown++;
    else this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
  }

  text(): string {
    const why = [...this.failures].map(([code, count]) => `${count} ${code}`).join(", ");
    return `${this.calls} calls, ${this.answered} answered, ${this.unknown} unknown${why === "" ? "" : `, ${why}`}`;
  }
}
