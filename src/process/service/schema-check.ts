/** A schema at work. It is asked at once; one whose checks have to wait is found out the first time and awaited from then on. */
import { Failure } from "../../base/errors.ts";
import { z } from "../../sdk/service/index.ts";
import { FAULTS_MAX } from "./limits.ts";

export class SchemaCheck {
  readonly #schema: z.ZodType;
  readonly #code: string;
  /** `the input of users.get is wrong`. */
  readonly #what: string;
  #waits = false;

  constructor(schema: z.ZodType, code: string, what: string) {
    this.#schema = schema;
    this.#code = code;
    this.#what = what;
  }

  /** What the schema makes of the value. Fails with its code, every fault in `data.faults`. */
  check(value: unknown): unknown {
    if (this.#waits) return this.#checkLater(value);
    try {
      return this.#taken(this.#schema.safeParse(value));
    } catch (thrown) {
      if (!(thrown instanceof z.core.$ZodAsyncError)) throw thrown;
      this.#waits = true;
      return this.#checkLater(value);
    }
  }

  async #checkLater(value: unknown): Promise<unknown> {
    return this.#taken(await this.#schema.safeParseAsync(value));
  }

  #taken(result: z.ZodSafeParseResult<unknown>): unknown {
    if (result.success) return result.data;
    const { issues } = result.error;
    const faults = issues.slice(0, FAULTS_MAX).map(({ message, path }) => ({ path: pathText(path), message }));
    const told = faults.map(({ message, path }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
    const left = issues.length - faults.length;
    const more = left > 0 ? `; and ${left} more` : "";
    throw new Failure(this.#code, `${this.#what}: ${told}${more}`, { data: { faults } });
  }
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
}
