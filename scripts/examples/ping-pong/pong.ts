/** Answers every ping with a pong, and questions with a greeting. Run it first: `distributed_system exec …/pong.ts [alias]`. */
import { Node } from "distributed-system/node";

const [alias = "pong"] = process.argv.slice(2);
const node = await Node.start({ alias, mailbox: { maxSize: 1_000, overflow: "drop-newest" } });
node.logger.info("listening", { address: node.address });

node.onMessage(async (message, { from }) => {
  const { n } = message as { n: number };
  node.logger.info(`ping ${n}`, { from });
  await node.send(from, { n });
});
node.onCall((question, { from }) => `hello ${from}, you asked: ${String(question)}`);
node.on("peer:join", (peer) => node.logger.info("somebody came", { alias: peer.alias }));
node.on("peer:leave", (peer) => node.logger.info("somebody left", { alias: peer.alias }));

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void node.stop());
