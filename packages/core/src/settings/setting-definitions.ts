import { isAbsolute } from "node:path";

import { z } from "zod";

import { limitForms, readCpuLimit, readMemoryLimit, readProcessLimit } from "../support/resource-limits.ts";

/** One key that the configuration may have. `*` in the key stands for a name, `**` for anything further. */
export interface SettingDefinition {
  readonly key: string;
  readonly schema: z.ZodType;
  /** What a right value is, after "expected". */
  readonly expected: string;
  readonly default?: unknown;
  /** Environment variable that overrides the file. */
  readonly variable?: string;
}

const name = z.string().regex(/^[a-z][a-z0-9-]*$/);
const hosts = z.array(z.string().min(1).max(300));
const detachKey = String.raw`ctrl-[a-z@[\\\]^_]`;

/** Quantities are written with and without quotes. */
function limit(read: (text: string) => number | undefined): z.ZodType {
  return z.union([z.string(), z.number()]).refine((value) => value === "" || read(String(value)) !== undefined);
}

/** Every setting there is: the one place to add one. */
export const settingDefinitions: readonly SettingDefinition[] = [
  {
    key: "general.default_backend",
    schema: name,
    expected: 'the name of a backend, as in "zellij"',
    variable: "CLAUDERON_BACKEND",
  },
  {
    key: "general.default_agent",
    schema: name,
    expected: 'the name of an agent, as in "claude"',
    default: "claude",
    variable: "CLAUDERON_AGENT",
  },
  {
    key: "daemon.port",
    schema: z.int().min(0).max(65_535),
    expected: "a whole number from 0 (any free port) to 65535",
    default: 3030,
    variable: "CLAUDERON_PORT",
  },
  { key: "daemon.autostart", schema: z.boolean(), expected: "true or false", default: true },
  {
    key: "attach.detach_keys",
    schema: z.string().regex(new RegExp(`^${detachKey}(,(${detachKey}|[a-zA-Z0-9]))*$`)),
    expected: String.raw`keys, as in 'ctrl-\' or "ctrl-p,ctrl-q"`,
    default: "ctrl-\\",
  },
  {
    key: "workspace.branch_prefix",
    schema: z.string().regex(/^$|^(?!.*(\.\.|\/\/|@\{|\.lock\/))[^\s\p{Cc}~^:?*[\\/.-][^\s\p{Cc}~^:?*[\\]*$/u),
    expected: 'the beginning of a branch name, as in "clauderon/"',
    default: "clauderon/",
  },
  {
    key: "workspace.include",
    schema: z
      .array(
        z
          .string()
          .min(1)
          .max(1000)
          .regex(/^[^\n\0]*$/u),
      )
      .max(100),
    expected: 'a list of patterns as in a .gitignore, as in [".env", "/config/*.local"]',
    default: [],
  },
  {
    key: "workspace.refs",
    schema: z
      .array(
        z
          .string()
          .max(1000)
          .regex(/^\^?refs\/(?:heads|remotes|tags)\/[^\s\p{Cc}~^:?[\\]+$/u),
      )
      .max(100),
    expected:
      'a list of references with *, "^" before those to leave out, as in ["refs/heads/main", "refs/tags/*", "^refs/heads/internal/*"]',
    default: [],
  },
  {
    key: "workspace.setup",
    schema: z
      .string()
      .min(1)
      .max(10_000)
      .regex(/^[^\0]*$/u),
    expected: 'a command for a shell, as in "npm ci"',
  },
  {
    key: "workspace.setup_timeout",
    schema: z.string().regex(/^[1-9]\d{0,4}(?:s|m|h)$/),
    expected: 'how long a setup may take, as in "10m"',
    default: "10m",
  },
  {
    key: "workspace.sync_size",
    schema: z.string().regex(/^[1-9]\d{0,8}[kmgt]$/i),
    expected: 'how much may come out of a sandbox at once, as in "512m" or "4g"',
    default: "4g",
  },
  {
    key: "workspace.sync_objects",
    schema: z.int().min(1).max(100_000_000),
    expected: "how many git objects may come out of a sandbox at once, from 1 to 100000000",
    default: 5_000_000,
  },
  {
    key: "workspace.sync_refs",
    schema: z.int().min(1).max(1_000_000),
    expected: "how many branches and tags a sandbox may have, from 1 to 1000000",
    default: 20_000,
  },
  {
    key: "workspace.sync_timeout",
    schema: z.string().regex(/^[1-9]\d{0,4}(?:s|m|h)$/),
    expected: 'how long commits may take to come out of a sandbox, as in "10m"',
    default: "10m",
  },
  {
    key: "undo.ignored_limit",
    schema: z.string().regex(/^\d{1,9}[kmgt]$/i),
    expected: 'how much of ignored files is kept unasked, as in "256m" or "2g"',
    default: "256m",
  },
  {
    key: "undo.keep",
    schema: z.string().regex(/^(?:0|[1-9]\d{0,3})(?:m|h|d)$/),
    expected: 'how long deleted sessions are kept, as in "30d" or "12h"; "0d" keeps none',
    default: "30d",
  },
  {
    key: "agents.*.command",
    schema: z
      .array(z.string())
      .min(1)
      .refine((command) => command[0] !== ""),
    expected: 'a list of strings, program first, as in ["my-agent", "--prompt", "{prompt}"]',
  },
  { key: "agents.*.trust_worktrees", schema: z.boolean(), expected: "true or false", default: false },
  {
    key: "backends.*.module",
    schema: z.string().min(1),
    expected: 'the name of a package or a path, as in "@acme/clauderon-backend"',
  },
  { key: "backends.*.**", schema: z.unknown(), expected: "anything" },
  {
    key: "session.access_mode",
    schema: z.enum(["read-write", "read-only"]),
    expected: '"read-write" or "read-only"',
  },
  { key: "session.network", schema: z.enum(["open", "listed", "none"]), expected: '"open", "listed" or "none"' },
  { key: "session.allow", schema: hosts, expected: 'a list of hosts, as in ["example.com:8443"]', default: [] },
  { key: "session.deny", schema: hosts, expected: 'a list of hosts, as in ["example.com"]', default: [] },
  { key: "session.advisory", schema: z.boolean(), expected: "true or false", default: false },
  {
    key: "session.budget",
    schema: z.string().regex(/^\d{1,9}(?:\.\d{1,6})?(?:usd|[km]?tokens)$/i),
    expected: 'an amount for each session, as in "5usd" or "200ktokens"',
  },
  {
    key: "proxy.enabled",
    schema: z.boolean(),
    expected: "true or false",
  },
  {
    key: "docker.endpoint",
    schema: z.string().min(1),
    expected: 'where the engine is, as in "unix:///var/run/docker.sock"',
  },
  { key: "docker.default_image", schema: z.string().min(1), expected: 'the name of an image, as in "rust:1.85"' },
  {
    key: "docker.pull_policy",
    schema: z.enum(["always", "if-not-present", "never"]),
    expected: '"always", "if-not-present" or "never"',
    default: "if-not-present",
  },
  { key: "docker.channel", schema: z.enum(["socket", "stream"]), expected: '"socket" or "stream"' },
  {
    key: "docker.limits.cpu",
    schema: limit(readCpuLimit),
    expected: `${limitForms.cpu}; "" is no limit`,
  },
  {
    key: "docker.limits.memory",
    schema: limit(readMemoryLimit),
    expected: `${limitForms.memory}; "" is no limit`,
  },
  {
    key: "docker.limits.pids",
    schema: limit(readProcessLimit),
    expected: `${limitForms.processes}; "" is the usual limit`,
  },
  {
    key: "zellij.program",
    schema: z.string().refine((path) => isAbsolute(path)),
    expected: 'an absolute path, as in "/usr/local/bin/zellij"',
  },
];

/** The definition of a key, `undefined` for one that does not exist. */
export function findDefinition(path: readonly string[]): SettingDefinition | undefined {
  return settingDefinitions.find((definition) => matches(definition.key.split("."), path));
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  if (pattern.at(-1) !== "**") {
    return pattern.length === path.length && pattern.every((part, index) => fits(part, path[index]));
  }
  const start = pattern.slice(0, -1);
  return path.length > start.length && start.every((part, index) => fits(part, path[index]));
}

function fits(part: string, word: string | undefined): boolean {
  return word !== undefined && (part === word || (part === "*" && name.safeParse(word).success));
}

/** What may stand at a place in the file: names of tables and keys; `*` for any name. */
export function childrenOf(path: readonly string[]): readonly string[] {
  const inside = settingDefinitions
    .map((definition) => definition.key.split("."))
    .filter((parts) => parts.length > path.length && path.every((word, index) => fits(parts[index] ?? "", word)));
  return [...new Set(inside.map((parts) => parts[path.length] ?? ""))].filter((part) => part !== "**");
}
