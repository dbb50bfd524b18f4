/** Directives that set something for all rules, and those that this engine does not need. */
import { bytesOf, oneOf } from "./effects.ts";
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
    cookieFormat: undefined,
    collectionTimeoutSeconds: undefined,
    componentSignatures: [],
    auditEngine: undefined,
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
    settings.argumentSeparator = value;
  },
  seccookieformat: (settings, value) => {
    settings.cookieFormat = oneOf(value, ["0", "1"], value) === "1" ? 1 : 0;
  },
  seccollectiontimeout: (settings, value) => {
    settings.collectionTimeoutSeconds = bytesOf(value, value);
  },
  seccomponentsignature: (settings, value) => {
    settings.componentSignatures = [...settings.componentSignatures, value];
  },
  secauditengine: (settings, value) => {
    settings.auditEngine = oneOf(value, ["On", "Off", "RelevantOnly"], value);
  },
  secwebappid: (settings, value) => {
    settings.webAppId = value;
  },
};

const OWN_LOG = "the gateway writes its own log; what is in it does not depend on this";
const BOUNDED = "matching is linear or counted here, so there is no such limit to set";
const NO_FILES = "nothing is kept in files";

/** Known to ModSecurity, without effect here; told at load. */
export const IGNORED_DIRECTIVES: Readonly<Record<string, string>> = {
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
  secserversignature: "replies are not rewritten",
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
  secruleinheritance: "there is one set of rules for each firewall of the gateway",
};
