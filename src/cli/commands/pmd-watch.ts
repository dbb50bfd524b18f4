/** `pmd watch`: who is registered, and from then on who comes and goes, until a signal. */
import type { PeerEvent } from "../../app/pmd/ask-pmd.ts";
import { printable } from "../../base/printable.ts";
import { commonArgs, defineCommand, EXIT } from "../command.ts";
import { emit, emitJson } from "../output.ts";
import { placeFrom, pmdArgs } from "../pmd-flags.ts";

export const watch = defineCommand({
  about: "show who is registered, and then who comes and goes; with --json a line of JSON for each",
  examples: ["pmd watch", "pmd watch --json"],
  args: { json: commonArgs.json, ...pmdArgs },
  async run(args) {
    const { watchPeers } = await import("../../app/pmd/ask-pmd.ts");
    const end = new AbortController();
    let code: number = EXIT.done;
    for (const [signal, exitCode] of [
      ["SIGINT", EXIT.sigint],
      ["SIGTERM", EXIT.sigterm],
    ] as const) {
      process.once(signal, () => {
        code = exitCode;
        end.abort();
      });
    }
    for await (const event of watchPeers(placeFrom(args), end.signal)) {
      if (args.json) await emitJson(event);
      else if (event.event === "disconnected") process.stderr.write(`${printable(disconnectedText(event))}\n`);
      else if (event.event !== "connected") await emit(`${printable(peerText(event))}\n`);
    }
    return code;
  },
});

function peerText({ event, peer, reason }: Extract<PeerEvent, { readonly peer: unknown }>): string {
  const { alias, nodeId, host, port, pid } = peer;
  const why = reason === undefined ? "" : ` (${reason})`;
  return `${event}  ${alias}  ${host}:${port}  node ${nodeId}  process ${pid}${why}`;
}

function disconnectedText({ reason, message }: Extract<PeerEvent, { readonly event: "disconnected" }>): string {
  return `no connection to the port mapper (${message ?? reason}); waiting for one`;
}
