/** The φ accrual failure detector: how unlikely a silence is. */
export { defaultPhiOptions, PhiDetector, type PhiOptions, phiOf } from "./phi-detector.ts";
