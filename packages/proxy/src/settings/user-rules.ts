import { canonicalPath } from "../policy/canonical-path.ts";
import { parseHostPattern } from "../policy/host-pattern.ts";
import type { CredentialRule, Injection } from "../policy/proxy-types.ts";
import { doRulesOverlap } from "../rules/rule-overlap.ts";
import type { RuleSettings } from "./proxy-settings-schema.ts";
import { settingsFault, type SettingsText } from "./settings-fault.ts";

/** Where services commonly look for a credential; a rule of the user removes all of them unless it names its own. */
const commonHeaders: readonly string[] = [
  "authorization",
  "x-api-key",
  "api-key",
  "apikey",
  "x-auth-token",
  "x-access-token",
  "private-token",
  "cookie",
];
const commonParameters: readonly string[] = ["access_token", "api_key", "apikey", "token"];

const word = /^[a-z0-9][a-z0-9._-]{0,99}$/;
const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;

/** The rules of proxy.toml, checked. Throws `settings.invalid` with the line of the first fault. */
export function userRules(settings: readonly RuleSettings[], file: SettingsText): readonly CredentialRule[] {
  const rules = settings.map((entry, index) => userRule(entry, { file, index }));
  for (const [index, rule] of rules.entries()) {
    const earlier = rules.slice(0, index);
    const same = earlier.find(({ id }) => id === rule.id);
    if (same !== undefined)
      throw settingsFault(file, ["rules", index, "id"], {
        message: `two rules are called ${rule.id}`,
        fix: "give each rule an id of its own",
      });
    const overlapping = earlier.find((other) => doRulesOverlap(other, rule));
    if (overlapping !== undefined)
      throw overlapFault(file, index, { rule, other: overlapping, fix: "give them different hosts, paths or methods" });
    const clash = earlier.find(({ placeholder }) => doTextsClash(placeholder, rule.placeholder));
    if (clash !== undefined) {
      throw settingsFault(file, ["rules", index, "placeholder"], {
        message: `the placeholders of ${clash.id} and ${rule.id} cannot be told apart`,
        fix: "give each rule a placeholder that is no part of another",
      });
    }
  }
  return rules;
}

/** The user's rules before those shipped. A rule with a shipped one's id takes its place; any other overlap is a fault that names both. */
export function combineRules(
  user: readonly CredentialRule[],
  shipped: readonly CredentialRule[],
  file: SettingsText,
): readonly CredentialRule[] {
  const kept = shipped.filter(({ id }) => user.every((rule) => rule.id !== id));
  for (const [index, rule] of user.entries()) {
    const isReplacing = shipped.some(({ id }) => id === rule.id);
    const other = isReplacing ? undefined : kept.find((candidate) => doRulesOverlap(candidate, rule));
    if (other !== undefined) {
      throw overlapFault(file, index, {
        rule,
        other,
        fix: `give your rule the id "${other.id}" to replace the one that is shipped`,
      });
    }
  }
  return [...user, ...kept];
}

interface RulePlace {
  readonly file: SettingsText;
  readonly index: number;
}

function userRule(entry: RuleSettings, place: RulePlace): CredentialRule {
  const fault = (key: string, message: string, fix: string): Error =>
    settingsFault(place.file, ["rules", place.index, key], {
      message: `rule ${entry.id.slice(0, 60)}: ${message}`,
      fix,
    });
  if (!word.test(entry.id))
    throw fault(
      "id",
      "the id has characters that names do not have",
      "use small letters, digits, dots, dashes and underscores",
    );
  const pattern = parseHostPattern(entry.host);
  const isRange = pattern?.address !== undefined && pattern.address.prefixLength < pattern.address.bytes.length * 8;
  const isDomain = pattern?.isWildcard === true && !pattern.host.slice(1).includes(".");
  if (pattern === undefined || pattern.port !== undefined || isRange || isDomain)
    throw fault(
      "host",
      `${entry.host} is not a host`,
      "write example.com or *.example.com, and the port as port = 8443",
    );
  const badPath = entry.paths?.find(
    (path) =>
      typeof canonicalPath(path.replaceAll("*", "a")) !== "string" || !path.startsWith("/") || /[?%;]/.test(path),
  );
  if (badPath !== undefined)
    throw fault(
      "paths",
      `${badPath} is not a path`,
      "begin it with /, with * within a segment and ** over segments, without query and escapes",
    );
  const badMethod = entry.methods?.find((method) => !/^[A-Z][A-Z-]{0,31}$/.test(method));
  if (badMethod !== undefined)
    throw fault("methods", `${badMethod} is not a method`, 'write methods in capitals: ["GET", "POST"]');
  if ((entry.inject === undefined) !== (entry.secret === undefined))
    throw fault(
      "secret",
      "inject and secret belong together",
      'write secret = "name" and inject = { header = "Authorization", format = "Bearer {secret}" }',
    );
  if (entry.secret !== undefined && !word.test(entry.secret))
    throw fault("secret", "this is not the name of a secret", "see the names: clauderon config credentials list");
  const placeholder =
    entry.placeholder ?? (entry.secret === undefined ? undefined : `clauderon-${entry.secret}-placeholder`);
  if (placeholder !== undefined && !/^[\w.+/=-]{12,200}$/.test(placeholder))
    throw fault("placeholder", "this cannot stand for a secret", "use 12 to 200 letters, digits and . _ - + / =");
  const badHeader = entry.credential_headers?.find((name) => !headerName.test(name));
  if (badHeader !== undefined)
    throw fault("credential_headers", `${badHeader} is not a header's name`, "write names as HTTP has them");
  const inject = entry.inject === undefined ? undefined : injection(entry.inject, fault);
  return {
    id: entry.id,
    description: entry.description ?? `rule of proxy.toml for ${entry.host}`,
    host: pattern.address === undefined ? (pattern.isWildcard ? `*${pattern.host}` : pattern.host) : entry.host,
    port: entry.port,
    paths: entry.paths,
    methods: entry.methods,
    protocol: entry.protocol ?? "http",
    inject,
    secret: entry.secret,
    placeholder,
    credentialHeaders: entry.credential_headers ?? commonHeaders,
    credentialParameters:
      entry.credential_parameters ?? (inject?.kind === "query" ? [inject.name, ...commonParameters] : commonParameters),
    anonymous: entry.public_reads === true ? "reads" : undefined,
  };
}

function injection(
  inject: NonNullable<RuleSettings["inject"]>,
  fault: (key: string, message: string, fix: string) => Error,
): Injection {
  if ("basic" in inject) {
    if (!/^[\u0021-\u0039\u003b-\u007e]{0,100}$/.test(inject.basic))
      throw fault(
        "inject",
        "the user name of basic has characters it cannot have",
        "write it without colon and spaces",
      );
    return { kind: "basic", username: inject.basic };
  }
  if ("query" in inject) {
    if (!/^[\w.~-]{1,100}$/.test(inject.query))
      throw fault("inject", "the parameter's name has characters it cannot have", "use letters, digits and . _ ~ -");
    return { kind: "query", name: inject.query };
  }
  const format = inject.format ?? (inject.header.toLowerCase() === "authorization" ? "Bearer {secret}" : "{secret}");
  if (
    !headerName.test(inject.header) ||
    /^(?:host|content-length|transfer-encoding|connection|upgrade|te|trailer)$/i.test(inject.header)
  ) {
    throw fault("inject", `${inject.header} is not a header for a credential`, 'write header = "Authorization"');
  }
  if (format.split("{secret}").length !== 2 || !/^[\u0020-\u007e]*$/.test(format)) {
    throw fault("inject", "the format must hold {secret} once, in plain text", 'write format = "Bearer {secret}"');
  }
  return { kind: "header", name: inject.header, format };
}

/** Rules of one secret share a placeholder; otherwise one within another cannot be told apart. */
function doTextsClash(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined || one === other) return false;
  return one.includes(other) || other.includes(one);
}

function overlapFault(
  file: SettingsText,
  index: number,
  { rule, other, fix }: { readonly rule: CredentialRule; readonly other: CredentialRule; readonly fix: string },
): Error {
  return settingsFault(file, ["rules", index], {
    message: `the rules ${other.id} and ${rule.id} overlap`,
    why: `a request to ${rule.host} could match both, and which secret it gets would depend on their order`,
    fix,
  });
}
