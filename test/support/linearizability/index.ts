/** Door of the linearizability checker. */
export { CONFIGURATIONS_MAX, checkLinearizable } from "./check.ts";
export { checkDelivery, type DeliveryFault, type DeliveryOptions } from "./delivery.ts";
export { type BankInput, type BankOptions, type BankOutput, bankModel } from "./models/bank.ts";
export { type LockInput, type LockOptions, type LockOutput, lockModel } from "./models/lock.ts";
export { type QueueOptions, queueModel } from "./models/queue.ts";
export type { QueueInput, QueueOperation, QueueOutput } from "./models/queue-words.ts";
export {
  casRegisterModel,
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
} from "./models/register.ts";
export type { CheckOptions, Effect, Failed, Model, Operation, Refutation, Verdict } from "./operation.ts";
export { printVerdict } from "./print.ts";
export { HistoryRecorder, type Recording } from "./recorder.ts";
