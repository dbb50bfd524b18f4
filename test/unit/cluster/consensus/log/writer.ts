/** For `on-disk.test.ts`: writes entries one after the other and says each index when it is durable, until it is killed. */
import { systemClock } from "../../../../../src/base/clock.ts";
import { RaftLog } from "../../../../../src/cluster/consensus/log/index.ts";
import { commands } from "./logs.ts";

const [directory = "", first = "1"] = process.argv.slice(2);
const { log } = await RaftLog.open(directory, { clock: systemClock, durability: "fsync", segmentBytes: 65_536 });
const out = Bun.stdout.writer();
for (let index = Number(first); ; index++) {
  await log.persist(undefined, commands(index, index, 1, 300));
  out.write(`${index}\n`);
  await out.flush();
}
