/** The virtual world: what a scenario builds on. */
export { between, chance, type Delay, drawDelayMs, exponential, fork, pick, pickDistinct } from "./chance.ts";
export { Disk } from "./disk.ts";
export { EventKind, EventQueue, type SimEvent } from "./event-queue.ts";
export { FaultRunner, type FaultRunnerOptions } from "./fault-runner.ts";
export {
  describeFault,
  drawWeather,
  type Fault,
  type FaultMix,
  type PlannedFault,
  planFaults,
  type Rhythm,
  type SplitWay,
} from "./faults.ts";
export { CALM, Network, type Weather } from "./network.ts";
export type { Launch, Node, Port } from "./node.ts";
export { EPOCH_MS, NodeClock, PartClock } from "./node-clock.ts";
export {
  type Channel,
  type MachinePorts,
  MachineProcess,
  type PartPorts,
  PartProcess,
  type Process,
  type Wait,
} from "./process.ts";
export { Tally, total } from "./tally.ts";
export { Trace, textTag } from "./trace.ts";
export { World, type WorldOptions } from "./world.ts";
