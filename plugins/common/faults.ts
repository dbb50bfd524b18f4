/**
 * What is wrong with a plugin's parameters, gathered while they are compiled: `check` gives all of it back, `init` throws the
 * first. One compile function serves both, so neither can accept what the other refuses. What is faulty is left out of the
 * result, which must not be used then.
 */
import type { ParamFault } from "distributed-system";

export class Faults {
  readonly #list: ParamFault[] = [];

  get list(): readonly ParamFault[] {
    return this.#list;
  }

  add(param: string, message: string): void {
    this.#list.push({ param, message });
  }

  /** What `make` gives; when it throws, its message becomes a fault of the parameter and the result is undefined. */
  attempt<T>(param: string, make: () => T): T | undefined {
    try {
      return make();
    } catch (error) {
      this.add(param, messageOf(error));
      return undefined;
    }
  }

  /** For `init`: throws when there is a fault. */
  throwFirst(): void {
    const first = this.#list[0];
    if (first !== undefined) throw new Error(`parameter ${first.param}: ${first.message}`);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
