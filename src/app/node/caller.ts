/** Who sends an HTTP request to a node: whoever has a token for it. */
import { Failure } from "../../base/errors.ts";
import type { Tokens } from "../../wire/auth/index.ts";
import type { Caller } from "../../wire/rpc/index.ts";

const BEARER = /^Bearer ([\x21-\x7e]+)$/;

/** Fails with `rpc.unauthenticated`, and does not say why: whoever guesses learns nothing from it. */
export function callerOf(tokens: Tokens, audiences: readonly string[]): (request: Request) => Promise<Caller> {
  return async ({ headers }) => {
    const token = BEARER.exec(headers.get("authorization") ?? "")?.[1];
    try {
      if (token === undefined) throw new Failure("rpc.unauthenticated", "no token");
      const { access, id, role } = await tokens.verify(token, audiences);
      return { name: id, access: role === "node" ? "node" : access };
    } catch {
      throw new Failure("rpc.unauthenticated", "a token for this node is required");
    }
  };
}
