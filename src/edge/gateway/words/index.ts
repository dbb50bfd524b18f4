/** The words of the gateway: exchanges with clients, requests to upstreams, the plan, what rules decide. */
export type { Exchange, ExchangeHandler, Peer, PeerTls } from "./exchange.ts";
export type {
  ConvertPlan,
  CorsPlan,
  FieldMatch,
  GatewayPlan,
  GatewaySettings,
  HeaderEdit,
  HealthPlan,
  LimitPlan,
  MaskPlan,
  NamedTarget,
  OriginTarget,
  PathPiece,
  ProxyHeader,
  RouteMatch,
  RouteOptions,
  RoutePlan,
  TargetPlan,
  WafPlan,
} from "./plan.ts";
export type { RouteRules, RuleDecision, RuleRequest } from "./rule.ts";
export {
  ORIGIN_PORTS,
  type Origin,
  type UpstreamCall,
  type UpstreamEvents,
  type UpstreamRequest,
  type Upstreams,
  type UpstreamTimeouts,
  type UpstreamTls,
} from "./upstream.ts";
