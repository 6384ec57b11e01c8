import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { ClauderonError, SettingsError } from "@clauderon/core/contract";
import { parse, TomlError } from "smol-toml";

import type { ModelPrice } from "../budget/model-price.ts";
import { parseBudget, type Budget } from "../budget/parse-budget.ts";
import { canonicalHost } from "../policy/canonical-host.ts";
import { parseHostPattern } from "../policy/host-pattern.ts";
import type { CredentialRule } from "../policy/proxy-types.ts";
import { shippedRules } from "../rules/shipped-rules.ts";
import type { OnePasswordSettings } from "../secrets/one-password.ts";
import { proxySettingsSchema, type ProxySettingsFile } from "./proxy-settings-schema.ts";
import { registryAccounts } from "./registry-accounts.ts";
import { settingsFault, unknownSetting, wrongSetting, type SettingsText } from "./settings-fault.ts";
import { tomlLines } from "./toml-lines.ts";
import { combineRules, userRules } from "./user-rules.ts";

/** What proxy.toml says, complete: every value that is not in the file has its default. */
export interface ProxySettings {
  readonly secretsDirectory: string;
  readonly audit: {
    readonly isEnabled: boolean;
    readonly path: string;
    readonly maxBytes: number;
    readonly keepFiles: number;
  };
  readonly codexAuthPath: string;
  readonly onePassword?: OnePasswordSettings | undefined;
  /** For every session. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Paths of PEM files with certificates that are trusted beside the system's. */
  readonly extraCa: readonly string[];
  /** How long the streams of a carrier that was lost wait for the next one. */
  readonly carrierResumeMs: number;
  /** Of one session, on average. */
  readonly requestsPerSecond: number;
  /** The proxy through which this one reaches the internet; may hold its user and password. */
  readonly upstream?: string | undefined;
  /** Origins that stand in for a host, by host. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** In order of preference: the user's, then those shipped. */
  readonly rules: readonly CredentialRule[];
  /** Which of them are the user's own. */
  readonly userRuleIds: readonly string[];
  readonly dayLimit?: Budget | undefined;
  readonly prices: readonly ModelPrice[];
  /** What the user should know: settings that are accepted and do nothing. */
  readonly notes: readonly string[];
}

/** Where the settings are, and what they are completed from. */
export interface ProxySettingsPlaces {
  /** `~/.clauderon`. */
  readonly home: string;
  /** The user's own directory, for `~/`. */
  readonly userHome: string;
  /** Default `HOME/proxy.toml`. */
  readonly path?: string | undefined;
  /** The text of the user's `.npmrc`. */
  readonly npmrc?: string | undefined;
}

const defaultAuditBytes = 64 * 1024 * 1024;
const defaultAuditFiles = 30;
/** More than installing packages or a fleet of agents takes. */
const defaultCarrierResumeSeconds = 60;
const defaultRequestsPerSecond = 500;

/** Reads proxy.toml; without one everything has its default. Throws `settings.invalid` with file and line, or `settings.unreadable`. */
export async function loadProxySettings(places: ProxySettingsPlaces): Promise<ProxySettings> {
  const path = places.path ?? join(places.home, "proxy.toml");
  return readProxySettings(await readText(path), { ...places, path });
}

/** The same for a text. */
export function readProxySettings(text: string, places: ProxySettingsPlaces): ProxySettings {
  const path = places.path ?? join(places.home, "proxy.toml");
  const file: SettingsText = { path, lineOf: tomlLines(text) };
  const settings = checkShape(parseToml(text, path), file);
  const expand = (value: string): string => (value.startsWith("~/") ? join(places.userHome, value.slice(2)) : value);
  const user = userRules(settings.rules ?? [], file);
  const registries = registryAccounts(settings.registries ?? {}, file);
  return {
    secretsDirectory: expand(settings.secrets_dir ?? join(places.home, "secrets")),
    audit: {
      isEnabled: settings.audit_enabled ?? true,
      path: expand(settings.audit_log_path ?? join(places.home, "audit.jsonl")),
      maxBytes: settings.audit_max_bytes ?? defaultAuditBytes,
      keepFiles: settings.audit_keep_files ?? defaultAuditFiles,
    },
    codexAuthPath: expand(settings.codex_auth_json_path ?? "~/.codex/auth.json"),
    onePassword: onePassword(settings, file, expand),
    allow: hosts(settings.proxy?.allow ?? [], { file, key: "allow" }),
    deny: hosts(settings.proxy?.deny ?? [], { file, key: "deny" }),
    extraCa: [settings.proxy?.extra_ca ?? []].flat().map((entry) => expand(entry)),
    carrierResumeMs: (settings.proxy?.carrier_resume_seconds ?? defaultCarrierResumeSeconds) * 1000,
    requestsPerSecond: settings.proxy?.requests_per_second ?? defaultRequestsPerSecond,
    upstream:
      settings.proxy?.upstream === undefined
        ? undefined
        : origin(settings.proxy.upstream, { file, key: ["proxy", "upstream"], mayHaveUser: true }),
    upstreams: upstreams(settings.proxy?.upstreams ?? {}, file),
    rules: combineRules(user, shippedRules({ npmrc: places.npmrc, registries }), file),
    userRuleIds: user.map(({ id }) => id),
    dayLimit: settings.budget?.per_day === undefined ? undefined : budget(settings.budget.per_day, file),
    prices: (settings.prices ?? []).map(({ model, input, cached_input, cache_write, output }) => ({
      model,
      input,
      cachedInput: cached_input,
      cacheWrite: cache_write,
      output,
    })),
    notes: notes(settings, path),
  };
}

async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return "";
    const isEncoding = code === "ERR_ENCODING_INVALID_ENCODED_DATA";
    throw new SettingsError({
      code: isEncoding ? "settings.invalid" : "settings.unreadable",
      message: isEncoding ? `${path} is not UTF-8` : `The proxy's settings ${path} cannot be read`,
      why: error instanceof Error ? error.message : String(error),
      fix: [isEncoding ? `save ${path} as UTF-8` : `make it readable: ls -la ${path}`],
      context: { path },
      cause: error,
    });
  }
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const why = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "");
    throw new SettingsError({
      message: `${path}:${error.line}: not TOML`,
      why,
      fix: [`correct line ${error.line} of ${path}`],
      context: { path, line: error.line },
      cause: error,
    });
  }
}

function checkShape(value: unknown, file: SettingsText): ProxySettingsFile {
  const result = proxySettingsSchema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap((issue) =>
    issue.code === "invalid_union"
      ? [issue, ...issue.errors.flat().map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))]
      : [issue],
  );
  for (const issue of issues) {
    if (issue.code === "unrecognized_keys" && !isUnionMember(issues, issue.path))
      throw unknownSetting(file, [...issue.path, ...issue.keys.slice(0, 1)]);
  }
  throw wrongSetting(file, issues[0]?.path ?? []);
}

/** Keys that one form of `inject` does not know are another form's: the whole value is shown instead. */
function isUnionMember(
  issues: readonly { readonly code?: string | undefined; readonly path: readonly PropertyKey[] }[],
  path: readonly PropertyKey[],
): boolean {
  return issues.some(
    (issue) =>
      issue.code === "invalid_union" &&
      issue.path.length <= path.length &&
      issue.path.every((part, index) => part === path[index]),
  );
}

function onePassword(
  settings: ProxySettingsFile,
  file: SettingsText,
  expand: (value: string) => string,
): OnePasswordSettings | undefined {
  const { enabled, op_path, credentials = {} } = settings.onepassword ?? {};
  for (const [name, reference] of Object.entries(credentials)) {
    if (/^op:\/\/[^/\s][^\n]*\/[^\n]+$/.test(reference)) continue;
    throw settingsFault(file, ["onepassword", "credentials", name], {
      message: `${name} has no reference of 1Password`,
      fix: `write ${name} = "op://vault/item/field"`,
    });
  }
  // Credentials that are named are meant to be used; `enabled = false` still switches them off.
  const isEnabled = enabled ?? Object.keys(credentials).length > 0;
  return isEnabled ? { program: expand(op_path ?? "op"), references: credentials } : undefined;
}

function hosts(
  entries: readonly string[],
  { file, key }: { readonly file: SettingsText; readonly key: string },
): readonly string[] {
  const wrong = entries.find((entry) => parseHostPattern(entry) === undefined);
  if (wrong === undefined) return entries;
  throw settingsFault(file, ["proxy", key], {
    message: `"${wrong.slice(0, 100)}" in ${key} is not a host`,
    fix: "write HOST, HOST:PORT, *.example.com, an address or a range",
  });
}

interface OriginPlace {
  readonly file: SettingsText;
  readonly key: readonly PropertyKey[];
  readonly mayHaveUser: boolean;
}

function origin(text: string, { file, key, mayHaveUser }: OriginPlace): string {
  const url = URL.parse(text);
  const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
  const isBare = url !== null && url.pathname === "/" && url.search === "" && url.hash === "";
  const hasUser = url !== null && url.username + url.password !== "";
  if (url !== null && isWeb && isBare && (mayHaveUser || !hasUser))
    return hasUser ? url.href.replace(/\/$/, "") : url.origin;
  // The text may hold a password, so it is not shown.
  throw settingsFault(file, key, {
    message: `${key.map(String).join(".")} is not an origin`,
    fix: "write http:// or https://, host and port, nothing after it",
  });
}

function upstreams(entries: Readonly<Record<string, string>>, file: SettingsText): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(entries).map(([name, value]) => {
      const key = ["proxy", "upstreams", name];
      const host = canonicalHost(name);
      if (typeof host !== "string")
        throw settingsFault(file, key, {
          message: `"${name.slice(0, 100)}" in upstreams is not a host`,
          fix: 'write "api.anthropic.com" = "https://gateway.example:8443"',
        });
      return [host, origin(value, { file, key, mayHaveUser: false })] as const;
    }),
  );
}

function budget(text: string, file: SettingsText): Budget {
  try {
    return parseBudget(text);
  } catch (error) {
    if (!ClauderonError.isInstance(error)) throw error;
    throw settingsFault(file, ["budget", "per_day"], {
      message: error.message,
      fix: `write per_day = "5usd" or "200ktokens"`,
    });
  }
}

function notes(settings: ProxySettingsFile, path: string): readonly string[] {
  const gateways = ["talos_gateway_port", "kubectl_proxy_port"] as const;
  return gateways
    .filter((name) => settings[name] !== undefined)
    .map(
      (name) =>
        `${name} in ${path} has no effect: clauderon opens no gateway that carries this machine's cluster credentials; use a rule`,
    );
}
