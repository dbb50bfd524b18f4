/** The gateway file: parsed, checked, explained and printed, with every fault at its place. */
export { explainGatewayFile } from "./explain.ts";
export { formatGatewayFile } from "./format.ts";
export { MAX_GUARDS, MAX_ROUTES } from "./limits.ts";
export {
  type CheckedGatewayFile,
  checkGatewayFile,
  faultlessPlan,
  type GatewayFilePorts,
  loadGatewayFile,
} from "./load.ts";
export { lineForms, type ParsedGatewayFile, parseGatewayFile } from "./parse.ts";
export { type FoundPlace, type NamedPlace, placeIn } from "./places.ts";
export { type RouteOptionName, routeOptionSchema } from "./route-options.ts";
export { type SettingName, settingSchema } from "./settings.ts";
export { targetSchemes } from "./targets.ts";
