/** The load on our queue: a program of its own. Takes the work as JSON in its first argument, prints the result as one line. */
import { type Message, Node } from "../../../../src/app/node/library.ts";
import { runLoad } from "./load.ts";
import type { QueueWork } from "./work.ts";

interface Work extends QueueWork {
  readonly endpoints: readonly string[];
  readonly dataDir: string;
}

const work = JSON.parse(process.argv[2]!) as Work; // by the benchmark
const { dataDir, endpoints } = work;
const node = await Node.start({ alias: "load", seeds: endpoints, pmd: false, dataDir, logger: { level: "error" } });
const queue = node.data.queue("work");
const ack = queue.ack.bind(queue);
const texts = new TextDecoder();
const result = await runLoad(work, {
  send: (text) => queue.enqueue(text),
  consume(acknowledged) {
    // `consume` acknowledges by this method: where it is confirmed the message is done.
    queue.ack = async (receipts, options) => {
      const reply = await ack(receipts, options);
      for (const message of [receipts].flat() as Message[]) acknowledged(textOf(message)); // `consume` gives messages
      return reply;
    };
    void queue.consume(() => {}, { concurrency: work.atOnce });
  },
});
console.log(JSON.stringify(result));
await node.stop();
process.exit(0);

function textOf({ value }: Message): string {
  return typeof value === "string" ? value : texts.decode(value);
}
