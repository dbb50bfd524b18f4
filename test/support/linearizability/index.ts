/** Door of the linearizability checker. */
export { CONFIGURATIONS_MAX, checkLinearizable } from "./check.ts";
export {
  casRegisterModel,
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
} from "./models/register.ts";
export type { CheckOptions, Effect, Failed, Model, Operation, Refutation, Verdict } from "./operation.ts";
export { HistoryRecorder, type Recording } from "./recorder.ts";
