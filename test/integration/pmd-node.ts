/**
 * A process with a node's side of the port mapper, for tests that kill it: registers, watches, and tells what it hears as
 * lines of JSON. Ends when its standard input does. Arguments: port, data directory, alias, TTL, and the program's words.
 */
import { openNodePmd, ownProcess } from "../../src/app/pmd/pmd-client.ts";

const [port, dataDir, alias, ttlMs, ...program] = process.argv.slice(2);

function tell(event: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

const { client, close } = openNodePmd(
  { port: Number(port), dataDir },
  { warn: (text) => tell({ warning: text }), program },
);
const registration = {
  alias: alias!,
  nodeId: `node-${process.pid}`,
  host: "127.0.0.1",
  port: 7000,
  ...ownProcess(),
  ttlMs: Number(ttlMs),
};
await client.register(registration, (why) => tell({ stands: why === undefined, why: why?.code }));
tell({ registered: alias });
client.watch({
  changed: ({ kind, peer, ...more }) => tell({ [kind]: peer.alias, ...more }),
  connected: (life) => tell({ connected: life }),
  disconnected: (reason) => tell({ disconnected: reason }),
});
for await (const _ of process.stdin); // until whoever started this process lets it go
await close();
tell({ closed: alias });
process.exit(0);
