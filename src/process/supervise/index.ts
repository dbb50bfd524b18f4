/** Supervision of real children. */
export { type RunningChild, Supervision, type SupervisionPorts } from "./supervision.ts";
