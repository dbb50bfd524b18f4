/** A target that a rule has named by its URL: made out of what clients send, as far as anybody knows, so it counts as dynamic. */
import { Failure } from "../../../base/errors.ts";
import { ORIGIN_PORTS, type Origin, type TargetPlan } from "../words/index.ts";

export function dynamicTarget(text: string): TargetPlan {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = url?.protocol.slice(0, -1);
  if (!url || !isScheme(scheme) || url.username !== "" || url.password !== "" || url.hostname === "") {
    const allowed = "the name of a target of the route, or a URL of http, https, ws, wss, grpc or grpcs, is required";
    throw new Failure(
      "gateway.rule_invalid",
      `the rule chose the target ${JSON.stringify(text.slice(0, 200))}; ${allowed}`,
    );
  }
  const port = url.port === "" ? ORIGIN_PORTS[scheme] : Number(url.port);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const basePath = url.pathname === "/" ? "" : url.pathname.replace(/\/$/, "");
  return { kind: "origin", origin: { scheme, host, port }, basePath, isDynamic: true, text, weight: 0, name: "" };
}

function isScheme(text: string | undefined): text is Origin["scheme"] {
  return text !== undefined && Object.hasOwn(ORIGIN_PORTS, text);
}
