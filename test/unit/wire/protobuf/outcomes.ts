/** What a call came to, for tests of failures. */
import { Failure } from "../../../../src/base/errors.ts";

/** The failure's code; "none" when there was none. Anything else thrown is thrown on. */
export async function codeOfCall(call: () => unknown): Promise<string> {
  return (await failureOfCall(call))?.code ?? "none";
}

export async function failureOfCall(call: () => unknown): Promise<Failure | undefined> {
  try {
    await call();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
}
