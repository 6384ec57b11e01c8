import { z } from "zod";

import type { RuleProtocol } from "../policy/proxy-types.ts";

/** How a `[[rules]]` puts its secret into a request. */
export type InjectSettings =
  | { readonly header: string; readonly format?: string | undefined }
  | { readonly basic: string }
  | { readonly query: string };

/** One `[[rules]]` of proxy.toml. */
export interface RuleSettings {
  readonly id: string;
  readonly description?: string | undefined;
  readonly host: string;
  readonly port?: number | undefined;
  readonly paths?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly protocol?: RuleProtocol | undefined;
  readonly inject?: InjectSettings | undefined;
  readonly secret?: string | undefined;
  readonly placeholder?: string | undefined;
  /** Without the secret, reading goes on. */
  readonly public_reads?: boolean | undefined;
  readonly credential_headers?: readonly string[] | undefined;
  readonly credential_parameters?: readonly string[] | undefined;
}

/** The account at a container registry: its name, or a table. */
export type RegistrySettings =
  | string
  | {
      readonly username: string;
      readonly secret?: string | undefined;
      readonly token_url?: string | undefined;
    };

/** One `[[prices]]`: US dollars for a million tokens. */
export interface PriceSettings {
  readonly model: string;
  readonly input: number;
  readonly cached_input?: number | undefined;
  readonly cache_write?: number | undefined;
  readonly output: number;
}

/** proxy.toml as it is written. The first group has the names and defaults that earlier versions had. */
export interface ProxySettingsFile {
  readonly secrets_dir?: string | undefined;
  readonly audit_enabled?: boolean | undefined;
  readonly audit_log_path?: string | undefined;
  readonly codex_auth_json_path?: string | undefined;
  readonly talos_gateway_port?: number | undefined;
  readonly kubectl_proxy_port?: number | undefined;
  readonly onepassword?:
    | {
        readonly enabled?: boolean | undefined;
        readonly op_path?: string | undefined;
        readonly credentials?: Readonly<Record<string, string>> | undefined;
      }
    | undefined;
  readonly audit_max_bytes?: number | undefined;
  readonly audit_keep_files?: number | undefined;
  readonly proxy?:
    | {
        readonly allow?: readonly string[] | undefined;
        readonly carrier_resume_seconds?: number | undefined;
        readonly deny?: readonly string[] | undefined;
        readonly extra_ca?: string | readonly string[] | undefined;
        readonly requests_per_second?: number | undefined;
        readonly upstream?: string | undefined;
        readonly upstreams?: Readonly<Record<string, string>> | undefined;
      }
    | undefined;
  readonly registries?: Readonly<Record<string, RegistrySettings>> | undefined;
  readonly budget?: { readonly per_day?: string | undefined } | undefined;
  readonly prices?: readonly PriceSettings[] | undefined;
  readonly rules?: readonly RuleSettings[] | undefined;
}

const text = z.string().min(1);
const port = z.int().min(1).max(65_535);
const texts = z.array(text);

const inject = z.union([
  z.strictObject({ header: text, format: text.optional() }),
  z.strictObject({ basic: z.string() }),
  z.strictObject({ query: text }),
]);

const ruleSchema = z.strictObject({
  id: text,
  description: text.optional(),
  host: text,
  port: port.optional(),
  paths: texts.min(1).optional(),
  methods: texts.min(1).optional(),
  protocol: z
    .enum(["anthropic", "openai", "gemini", "github-api", "git", "package-registry", "container-registry", "http"])
    .optional(),
  inject: inject.optional(),
  secret: text.optional(),
  placeholder: text.optional(),
  public_reads: z.boolean().optional(),
  credential_headers: texts.optional(),
  credential_parameters: texts.optional(),
});

const registrySchema = z.strictObject({ username: text, secret: text.optional(), token_url: text.optional() });

const price = z.number().min(0);
const priceSchema = z.strictObject({
  model: text,
  input: price,
  cached_input: price.optional(),
  cache_write: price.optional(),
  output: price,
});

const fileSchema = z.strictObject({
  secrets_dir: text.optional(),
  audit_enabled: z.boolean().optional(),
  audit_log_path: text.optional(),
  codex_auth_json_path: text.optional(),
  talos_gateway_port: port.optional(),
  kubectl_proxy_port: port.optional(),
  onepassword: z
    .strictObject({
      enabled: z.boolean().optional(),
      op_path: text.optional(),
      credentials: z.record(z.string(), text).optional(),
    })
    .optional(),
  audit_max_bytes: z.int().min(4096).optional(),
  audit_keep_files: z.int().min(0).optional(),
  proxy: z
    .strictObject({
      allow: texts.optional(),
      carrier_resume_seconds: z.number().min(0.1).max(3600).optional(),
      deny: texts.optional(),
      extra_ca: z.union([text, texts]).optional(),
      requests_per_second: z.number().positive().optional(),
      upstream: text.optional(),
      upstreams: z.record(z.string(), text).optional(),
    })
    .optional(),
  registries: z.record(z.string(), z.union([text, registrySchema])).optional(),
  budget: z.strictObject({ per_day: text.optional() }).optional(),
  prices: z.array(priceSchema).optional(),
  rules: z.array(ruleSchema).optional(),
});

/** The whole of proxy.toml, strict. */
export const proxySettingsSchema: z.ZodType<ProxySettingsFile> = fileSchema;

/** The keys that may stand at a place, for the nearest name. `*` stands for the index in an array of tables. */
export const settingNames: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(fileSchema.shape),
  onepassword: ["enabled", "op_path", "credentials"],
  proxy: ["allow", "carrier_resume_seconds", "deny", "extra_ca", "requests_per_second", "upstream", "upstreams"],
  budget: ["per_day"],
  "prices.*": Object.keys(priceSchema.shape),
  "rules.*": Object.keys(ruleSchema.shape),
  "rules.*.inject": ["header", "format", "basic", "query"],
};

/** What is expected at a place, in words. */
export const settingExpectations: Readonly<Record<string, string>> = {
  secrets_dir: "a directory, as text",
  audit_enabled: "true or false",
  audit_log_path: "a path, as text",
  audit_max_bytes: "a number of bytes from 4096",
  audit_keep_files: "a number of files from 0",
  codex_auth_json_path: "a path, as text",
  talos_gateway_port: "a port from 1 to 65535",
  kubectl_proxy_port: "a port from 1 to 65535",
  onepassword: "a table, written as [onepassword]",
  "onepassword.enabled": "true or false",
  "onepassword.op_path": "the path of the op program, as text",
  "onepassword.credentials": 'a table of names and references: github = "op://vault/item/field"',
  proxy: "a table, written as [proxy]",
  "proxy.allow": 'a list of hosts: ["example.com", "*.example.com", "10.0.0.5:8080"]',
  "proxy.carrier_resume_seconds":
    "a number from 0.1 to 3600: how long the streams of a sandbox wait when their carrier was lost",
  "proxy.deny": 'a list of hosts: ["example.com", "*.example.com"]',
  "proxy.extra_ca": "the path of a PEM file, or a list of them",
  "proxy.requests_per_second": "a number above 0: how many requests a session may send each second on average",
  "proxy.upstream": "the address of a proxy: http://proxy.example:3128",
  "proxy.upstreams": 'a table of hosts and origins: "api.anthropic.com" = "https://gateway.example:8443"',
  registries:
    'a table of registries and accounts: "docker.io" = "name", or { username = "name", secret = "name", token_url = "https://…" }',
  budget: "a table, written as [budget]",
  "budget.per_day": "an amount: 5usd or 200ktokens",
  prices: "tables, each written as [[prices]]",
  "prices.*.model": "the model's name",
  "prices.*.input": "US dollars for a million tokens",
  "prices.*.cached_input": "US dollars for a million tokens",
  "prices.*.cache_write": "US dollars for a million tokens",
  "prices.*.output": "US dollars for a million tokens",
  rules: "tables, each written as [[rules]]",
  "rules.*.id": "a name of its own",
  "rules.*.host": "a host: example.com or *.example.com",
  "rules.*.port": "a port from 1 to 65535",
  "rules.*.paths": 'a list of globs: ["/api/**"]',
  "rules.*.methods": 'a list of methods: ["GET", "POST"]',
  "rules.*.protocol": "one of anthropic, openai, gemini, github-api, git, package-registry, container-registry, http",
  "rules.*.inject": '{ header = "Authorization", format = "Bearer {secret}" }, { basic = "user" } or { query = "key" }',
  "rules.*.secret": "the name of a secret",
  "rules.*.placeholder": "the text that stands for the secret in a session",
  "rules.*.public_reads": "true or false",
  "rules.*.credential_headers": "a list of header names",
  "rules.*.credential_parameters": "a list of parameter names",
};
