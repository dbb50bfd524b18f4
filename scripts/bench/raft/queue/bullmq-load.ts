/** The load on BullMQ, run by Node.js: `PORT WORK`. A worker of its own kind in the same process; what is done is removed, as with us. */
import { createRequire } from "node:module";
import { runLoad } from "./load.ts";
import type { QueueWork } from "./work.ts";

interface Job {
  readonly data: { readonly text: string };
}

interface BullMq {
  readonly Queue: new (
    name: string,
    options: object,
  ) => { add(name: string, data: object, options: object): Promise<unknown> };
  readonly Worker: new (
    name: string,
    work: (job: Job) => Promise<void>,
    options: object,
  ) => { on(event: "completed", take: (job: Job) => void): void; waitUntilReady(): Promise<unknown> };
}

const require = createRequire(import.meta.url);
const { Queue, Worker } = require("bullmq") as BullMq;
const { Redis } = require("ioredis") as { Redis: new (port: number, host: string, options: object) => object };

const work = JSON.parse(process.argv[3]!) as QueueWork; // by the benchmark
const connect = () => new Redis(Number(process.argv[2]), "127.0.0.1", { maxRetriesPerRequest: null });
const queue = new Queue("work", { connection: connect() });
const result = await runLoad(work, {
  send: (text) => queue.add("message", { text }, { removeOnComplete: true }),
  async consume(acknowledged) {
    const options = { connection: connect(), concurrency: work.atOnce };
    const worker = new Worker("work", async () => {}, options);
    worker.on("completed", ({ data }) => acknowledged(data.text));
    await worker.waitUntilReady();
  },
});
console.log(JSON.stringify(result));
process.exit(0);
