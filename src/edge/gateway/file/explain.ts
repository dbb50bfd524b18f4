/** The text of `gateway check --explain`, made from the tables that the parser reads, so that it cannot fall behind them. */
import { DURATION_FORM, SIZE_FORM } from "../../../base/units.ts";
import type { ParamSchema } from "../../../sdk/index.ts";
import { entry, explainSchema, section, wrap } from "../../../work/lines/index.ts";
import { HEADER_VARIABLES } from "../route/index.ts";
import { routeBalancerDocs } from "./balancers.ts";
import {
  limitFields,
  limitKeys,
  limitOptionSchema,
  maskFields,
  maskOptionSchema,
  maskTexts,
  wafFields,
  wafOptionSchema,
} from "./guard-options.ts";
import { lineForms } from "./parse.ts";
import { routeFields } from "./route-line.ts";
import { namedRouteOptions, routeOptionGroups } from "./route-options.ts";
import { settingSchema } from "./settings.ts";
import { targetSchemes } from "./targets.ts";

const INTRODUCTION = [
  "UTF-8 text, one thing a line; a line that begins with # is a comment, blank lines are left out:",
  ...Object.values(lineForms).map((form) => `  ${form}`),
  "Fields at the end may be left out. Blanks around fields, keys and values do not count.",
  "In a value write \\| \\, \\= \\\\ for the character itself, and \\ before a blank that shall stay at either end;",
  "a backslash before any other character stands for itself. In a list, \\; is a semicolon inside an item.",
  `A time is ${DURATION_FORM}.`,
  `A size is ${SIZE_FORM}.`,
];

const EXAMPLE = [
  "  route|grpc|/grpc/service/*|grpc://localhost:50051",
  "  route|users|GET,PUT api.example.com/users/{id}|http://10.0.0.1;weight=9 http://10.0.0.2;name=new|retries=2",
  "  limit|client_ip|100|1m|DROP",
  "  mask|response;log|card",
];

const PRECEDENCE =
  "Of all routes that take a request the most specific one gets it. First by host: an exact one, then the longest wildcard, then " +
  "none. Then by path, from its first piece on: a text before {name} before a rest. Then one that names methods before one that " +
  "does not, then the one with more conditions, then the one that stands first in the file. A route with GET takes HEAD too. " +
  "Paths are made normal before (dots resolved, slashes in a row merged); what upstreams could read in two ways is answered 400.";

export function explainGatewayFile(): string {
  const sections = [
    section("The gateway file", INTRODUCTION),
    section("Example", EXAMPLE),
    section("Fields of a route line", explainTexts(routeFields)),
    section("Which route takes a request", wrap(PRECEDENCE, "  ")),
    section("Targets", explainTexts(targetSchemes)),
    section(
      "Options of a route with a name behind a dot",
      explainTexts(namedRouteOptions, (name) => `${name}.NAME`),
    ),
    section("Variables", explainTexts(variables())),
    ...Object.entries(routeOptionGroups).map(([title, schema]) => section(title, explainSchema(schema))),
    section("Balancers", explainTexts(routeBalancerDocs)),
    section("Fields of a limit line", [
      ...entry("key", "", "what is counted:"),
      ...indented(limitKeys),
      ...explainSchema(limitFields),
    ]),
    section("Options of a limit", explainSchema(limitOptionSchema)),
    section("Fields of a waf line", explainSchema(wafFields)),
    section("Options of a waf", explainSchema(wafOptionSchema)),
    section("Fields of a mask line", [...explainTexts(maskTexts), ...explainSchema(maskFields)]),
    section("Options of a mask", explainSchema(maskOptionSchema)),
    section(`Settings: ${lineForms.set}`, explainSchema(settingSchema satisfies ParamSchema)),
  ];
  return sections.join("\n");
}

function explainTexts(texts: Readonly<Record<string, string>>, name: (key: string) => string = (key) => key): string[] {
  return Object.entries(texts).flatMap(([key, text]) => entry(name(key), "", text));
}

function indented(texts: Readonly<Record<string, string>>): string[] {
  return Object.entries(texts).flatMap(([key, text]) => wrap(`${key}: ${text}`, "        "));
}

function variables(): Record<string, string> {
  const texts = Object.entries(HEADER_VARIABLES).map(([name, text]) => [`\${${name}}`, text]);
  return {
    ...Object.fromEntries(texts),
    "${param.NAME}": "a parameter of the pattern, percent-encoded as in the path",
    "${header.NAME}": "a header of the request",
  };
}
