/**
 * The load on NATS JetStream, run by Node.js: `PORT REPLICAS WORK`. A work queue on disk and one pull consumer; each message is acknowledged and
 * that is confirmed (`ackAck`), as our acknowledgements are.
 */
import { createRequire } from "node:module";
import { runLoad } from "./load.ts";
import type { QueueWork } from "./work.ts";

interface Message {
  string(): string;
  ackAck(): Promise<boolean>;
}

interface JetStream {
  publish(subject: string, text: string): Promise<unknown>;
  readonly consumers: {
    get(stream: string, name: string): Promise<{ consume(options: object): Promise<AsyncIterable<Message>> }>;
  };
}

interface Manager {
  readonly streams: { add(config: object): Promise<unknown> };
  readonly consumers: { add(stream: string, config: object): Promise<unknown> };
}

const require = createRequire(import.meta.url);
const { connect } = require("@nats-io/transport-node") as { connect(options: object): Promise<object> };
const { jetstream, jetstreamManager } = require("@nats-io/jetstream") as {
  jetstream(connection: object): JetStream;
  jetstreamManager(connection: object): Promise<Manager>;
};

const work = JSON.parse(process.argv[4]!) as QueueWork; // by the benchmark
const connection = await connect({ port: Number(process.argv[2]) });
const manager = await jetstreamManager(connection);
const stream = { name: "WORK", subjects: ["work"], storage: "file", retention: "workqueue" };
await manager.streams.add({ ...stream, num_replicas: Number(process.argv[3]) });
await manager.consumers.add("WORK", { durable_name: "workers", ack_policy: "explicit", max_ack_pending: work.atOnce });
const client = jetstream(connection);
const result = await runLoad(work, {
  send: (text) => client.publish("work", text),
  async consume(acknowledged) {
    const consumer = await client.consumers.get("WORK", "workers");
    const messages = await consumer.consume({ max_messages: 2 * work.atOnce });
    void takeAll(messages, acknowledged);
  },
});
console.log(JSON.stringify(result));
process.exit(0);

async function takeAll(messages: AsyncIterable<Message>, acknowledged: (text: string) => void): Promise<void> {
  for await (const message of messages) void message.ackAck().then(() => acknowledged(message.string()));
}
