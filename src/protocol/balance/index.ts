/** Balancers: who gets the next request; and outlier ejection: who gets none for a while. */
export {
  BALANCER_NAMES,
  type Balancer,
  type BalancerName,
  type Candidate,
  type Choice,
  type CustomSelect,
  type NodeLoad,
  type RequestResult,
} from "./contract.ts";
export { type BalancerParts, createBalancer } from "./create.ts";
export type { CustomFaultListener } from "./custom.ts";
export { LOAD_WEIGHTS } from "./least-load.ts";
export { BALANCER_FORM, balancerDocs, parseBalancer } from "./names.ts";
export { NODES_REMEMBERED_MAX } from "./node-table.ts";
export { type BalancerOptions, defaultBalancerOptions, type OptionFault, validateBalancer } from "./options.ts";
export {
  OUTLIER_HOSTS_MAX,
  type OutlierAlgorithm,
  OutlierDetector,
  type OutlierEffect,
  type OutlierInput,
  type OutlierStanding,
} from "./outlier-detector.ts";
export { type OutlierListener, withOutlierEjection } from "./outlier-ejection.ts";
export {
  type FailurePercentageOptions,
  type OutlierOptions,
  type SuccessRateOptions,
  smallClusterOutliers,
  validateOutliers,
} from "./outlier-options.ts";
