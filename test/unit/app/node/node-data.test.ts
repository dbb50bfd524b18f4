import { describe, expect, test } from "bun:test";
import { transportTo } from "../../../../src/app/node/node-data.ts";
import type { OutgoingCall } from "../../../../src/wire/rpc/index.ts";

const TARGET = { id: "m1", address: { host: "10.0.0.1", port: 80 } };
const CALL = { contract: "map", method: "get", version: 1, input: {}, timeoutMs: 20 } as OutgoingCall;

type Links = Parameters<typeof transportTo>[1];

function linksWith(parts: {
  readonly open?: unknown;
  readonly get?: (signal: AbortSignal) => Promise<unknown>;
}): Links {
  const get = (_to: unknown, { signal }: { signal: AbortSignal }) =>
    (parts.get ?? (() => Promise.reject(new Error("nobody is dialed"))))(signal);
  return { byId: () => parts.open, get } as unknown as Links; // what it uses of them
}

describe("transportTo()", () => {
  test("transportTo() asks over the link that is open", async () => {
    const asked: unknown[] = [];
    const open = { isOpen: true, request: async (...words: unknown[]) => asked.push(words) };
    expect(await transportTo(TARGET, linksWith({ open }))(CALL)).toEqual({ ok: true, output: 1 });
    expect(asked).toMatchObject([["rpc", { contract: "map", method: "get" }, { timeoutMs: 20 }]]);
  });

  test("transportTo() opens a link when there is none, or the one that it knows has closed", async () => {
    for (const open of [undefined, { isOpen: false }]) {
      const links = linksWith({ open, get: async () => ({ request: async () => "answer" }) });
      expect(await transportTo(TARGET, links)(CALL)).toEqual({ ok: true, output: "answer" });
    }
  });

  test("transportTo() ends with the call's deadline while a link is being opened", async () => {
    const never = (signal: AbortSignal): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    await expect(transportTo(TARGET, linksWith({ get: never }))(CALL)).rejects.toMatchObject({
      code: "rpc.deadline_exceeded",
    });
  });

  test("transportTo() fails as dialing does", async () => {
    await expect(transportTo(TARGET, linksWith({}))(CALL)).rejects.toThrow("nobody is dialed");
  });
});
