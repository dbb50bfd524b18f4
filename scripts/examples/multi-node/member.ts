/**
 * One of several nodes that greet each other: each greets whoever comes, and says when everybody has been greeted.
 * `distributed_system exec …/member.ts ALIAS EXPECTED [SEED]` once per node, in terminals or machines of their own. With a seed
 * (`host:port` of any other) they find each other over the network, without it through the port mapper of this machine.
 */
import { Node, type Peer } from "distributed-system/node";

const [alias = "one", expected = "2", seed] = process.argv.slice(2);
const node = await Node.start({ alias, ...(seed && { seeds: [seed], pmd: false }) });
node.logger.info("listening", { address: node.address });

const greeted = new Set<string>();
const greet = async (peer: Peer): Promise<void> => {
  const answer = await node.call(peer.alias, { greeting: "hello" });
  node.logger.info(`${peer.alias} answers`, { answer });
  greeted.add(peer.alias);
  if (greeted.size === Number(expected)) console.log(`${alias} has greeted ${[...greeted].sort().join(", ")}`);
};

node.onCall((_request, { from }) => `hello ${from}, ${alias} here`);
node.on("peer:join", (peer) => void greet(peer));
node.on("peer:leave", (peer) => node.logger.info(`${peer.alias} has left`));
for (const peer of await node.discover()) void greet(peer);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void node.stop());
