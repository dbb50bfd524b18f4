/** Directives that set something for all rules, and those that this engine does not need. */
import { Failure } from "../../../base/errors.ts";
import { bytesOf, oneOf } from "./effects.ts";
import { invalid } from "./parts.ts";
import type { Directive } from "./reader.ts";
import type { RuleSettings } from "./words.ts";

export type MutableSettings = { -readonly [K in keyof RuleSettings]: RuleSettings[K] };

export function noSettings(): MutableSettings {
  return {
    engine: undefined,
    requestBodyAccess: undefined,
    requestBodyLimit: undefined,
    requestBodyNoFilesLimit: undefined,
    requestBodyLimitAction: undefined,
    requestBodyJsonDepthLimit: undefined,
    argumentsLimit: undefined,
    responseBodyAccess: undefined,
    responseBodyLimit: undefined,
    responseBodyLimitAction: undefined,
    responseBodyMimeTypes: undefined,
    argumentSeparator: undefined,
    collectionTimeoutSeconds: undefined,
    componentSignatures: [],
    webAppId: undefined,
  };
}

type Apply = (settings: MutableSettings, value: string, directive: Directive) => void;

export const SETTINGS: Readonly<Record<string, Apply>> = {
  secruleengine: (settings, value) => {
    settings.engine = oneOf(value, ["On", "Off", "DetectionOnly"], value);
  },
  secrequestbodyaccess: (settings, value) => {
    settings.requestBodyAccess = oneOf(value, ["On", "Off"], value) === "On";
  },
  secrequestbodylimit: (settings, value) => {
    settings.requestBodyLimit = bytesOf(value, value);
  },
  secrequestbodynofileslimit: (settings, value) => {
    settings.requestBodyNoFilesLimit = bytesOf(value, value);
  },
  secrequestbodylimitaction: (settings, value) => {
    settings.requestBodyLimitAction = oneOf(value, ["Reject", "ProcessPartial"], value);
  },
  secrequestbodyjsondepthlimit: (settings, value) => {
    settings.requestBodyJsonDepthLimit = bytesOf(value, value);
  },
  secargumentslimit: (settings, value) => {
    settings.argumentsLimit = bytesOf(value, value);
  },
  secresponsebodyaccess: (settings, value) => {
    settings.responseBodyAccess = oneOf(value, ["On", "Off"], value) === "On";
  },
  secresponsebodylimit: (settings, value) => {
    settings.responseBodyLimit = bytesOf(value, value);
  },
  secresponsebodylimitaction: (settings, value) => {
    settings.responseBodyLimitAction = oneOf(value, ["Reject", "ProcessPartial"], value);
  },
  secresponsebodymimetype: (settings, _, { args }) => {
    settings.responseBodyMimeTypes = [
      ...(settings.responseBodyMimeTypes ?? []),
      ...args.map((type) => type.toLowerCase()),
    ];
  },
  secresponsebodymimetypesclear: (settings) => {
    settings.responseBodyMimeTypes = [];
  },
  secargumentseparator: (settings, value) => {
    if (value.length !== 1) throw invalid(`SecArgumentSeparator "${value}"`, "one character");
    settings.argumentSeparator = value;
  },
  seccookieformat: (_, value) => {
    if (oneOf(value, ["0", "1"], value) === "1")
      throw new Failure("waf.unsupported", "read SecCookieFormat 1: cookies are read as browsers send them (0)");
  },
  seccollectiontimeout: (settings, value) => {
    settings.collectionTimeoutSeconds = bytesOf(value, value);
  },
  seccomponentsignature: (settings, value) => {
    settings.componentSignatures = [...settings.componentSignatures, value];
  },
  secwebappid: (settings, value) => {
    settings.webAppId = value;
  },
};

const OWN_LOG = "the gateway writes its own log; what is in it does not depend on this";
const BOUNDED = "matching is linear or counted here, so there is no such limit to set";
const NOT_REWRITTEN = "replies are not rewritten";
const NO_FILES = "nothing is kept in files";

/** Known to ModSecurity, without effect here; told at load. */
export const IGNORED_DIRECTIVES: Readonly<Record<string, string>> = {
  secauditengine: OWN_LOG,
  secauditlog: OWN_LOG,
  secauditlog2: OWN_LOG,
  secauditlogdirmode: OWN_LOG,
  secauditlogfilemode: OWN_LOG,
  secauditlogformat: OWN_LOG,
  secauditlogparts: OWN_LOG,
  secauditlogprefix: OWN_LOG,
  secauditlogrelevantstatus: OWN_LOG,
  secauditlogstoragedir: OWN_LOG,
  secauditlogtype: OWN_LOG,
  secdebuglog: OWN_LOG,
  secdebugloglevel: OWN_LOG,
  secguardianlog: OWN_LOG,
  secpcrematchlimit: BOUNDED,
  secpcrematchlimitrecursion: BOUNDED,
  sectmpdir: NO_FILES,
  secdatadir: NO_FILES,
  secuploaddir: NO_FILES,
  secuploadfilelimit: NO_FILES,
  secuploadfilemode: NO_FILES,
  secuploadkeepfiles: NO_FILES,
  sectmpsaveuploadedfiles: NO_FILES,
  secunicodemapfile: "%uXXXX stands for its lower byte, and full-width forms for the ASCII they look like",
  secrequestbodyinmemorylimit: "bodies are kept in memory, within their limit",
  secstatusengine: "nothing is sent to anybody",
  secserversignature: NOT_REWRITTEN,
  seccachetransformations: "transformed values are always kept for the transaction",
  secxmlexternalentity: "XML is read without entities",
  sechttpblkey: "no list on the network is asked",
  secgeolookupdb: "there is no database of places",
  secremoterules: "rules are not fetched from the network",
  secremoterulesfailaction: "rules are not fetched from the network",
  secruleperftime: "the engine counts by itself",
  secsensorid: OWN_LOG,
  secinterceptonerror: "errors fail closed",
  secconnengine: "connections are bounded by the gateway",
  secreadstatelimit: "connections are bounded by the gateway",
  secwritestatelimit: "connections are bounded by the gateway",
  secchrootdir: NO_FILES,
  seccontentinjection: NOT_REWRITTEN,
  seccookiev0separator: "cookies are cut at semicolons",
  secdisablebackendcompression: "compressed replies are inflated within their limits",
  secgsblookupdb: "there is no database of sites",
  sechashengine: NOT_REWRITTEN,
  sechashkey: NOT_REWRITTEN,
  sechashmethodpm: NOT_REWRITTEN,
  sechashmethodrx: NOT_REWRITTEN,
  sechashparam: NOT_REWRITTEN,
  secparsexmlintoargs: "arguments are not made of XML; XML:/* and XML://@* hold what is in it",
  secpdfprotect: NOT_REWRITTEN,
  secpdfprotectmethod: NOT_REWRITTEN,
  secpdfprotectsecret: NOT_REWRITTEN,
  secpdfprotecttimeout: NOT_REWRITTEN,
  secpdfprotecttokenname: NOT_REWRITTEN,
  secrulescript: "rules run no programs; routes have Lua rules",
  secstreaminbodyinspection: "bodies are looked at whole, as REQUEST_BODY and RESPONSE_BODY",
  secstreamoutbodyinspection: "bodies are looked at whole, as REQUEST_BODY and RESPONSE_BODY",
  secunicodecodepage: "%uXXXX stands for its lower byte, and full-width forms for the ASCII they look like",
  secruleinheritance: "there is one set of rules for each firewall of the gateway",
};
