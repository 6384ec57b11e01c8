import { SettingsError } from "../contract/errors/settings-error.ts";
import { dockerTable } from "./docker-table.ts";
import { readSettings, readSettingsText, type FileSetting } from "./read-settings-file.ts";
import { findDefinition, settingDefinitions, type SettingDefinition } from "./setting-definitions.ts";
import { settingsPath } from "./settings-paths.ts";
import type { AgentSettings, BackendSettings, Settings, SettingValue } from "./settings.ts";

export interface LoadSettingsOptions {
  readonly homeDirectory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Values from the command line, by key: `{ "daemon.port": { flag: "--port", value: 0 } }`. */
  readonly flags?: Readonly<Record<string, { readonly flag: string; readonly value: unknown }>> | undefined;
}

/**
 * The configuration in force: flag, then environment, then `config.toml`, then default. Rejects with `settings.invalid`, naming the file's line or the
 * variable, or `settings.unreadable`. A repository's own files are never read: an agent could write them.
 */
export async function loadSettings(options: LoadSettingsOptions): Promise<Settings> {
  const path = settingsPath(options.homeDirectory);
  const fromFile = readSettings(await readSettingsText(path), path);
  const fixed = settingDefinitions.filter((definition) => !definition.key.includes("*"));
  const values = [
    ...fixed.map((definition) => resolve(definition, { options, path, fromFile })),
    ...fromFile
      .filter((setting) => findDefinition(setting.key.split("."))?.key.includes("*"))
      .map((setting) => fileValue(setting, path)),
  ];
  return compose(values, { homeDirectory: options.homeDirectory, path });
}

interface Sources {
  readonly options: LoadSettingsOptions;
  readonly path: string;
  readonly fromFile: readonly FileSetting[];
}

function resolve(definition: SettingDefinition, sources: Sources): SettingValue {
  const { key, variable } = definition;
  const flag = sources.options.flags?.[key];
  if (flag !== undefined && flag.value !== undefined) {
    return { key, value: checked(definition, flag.value, flag.flag), origin: { kind: "flag", place: flag.flag } };
  }
  const text = variable === undefined ? "" : (sources.options.environment[variable] ?? "");
  if (variable !== undefined && text !== "") {
    return {
      key,
      value: checked(definition, /^[0-9]+$/.test(text) ? Number(text) : text, variable),
      origin: { kind: "environment", place: variable },
    };
  }
  const setting = sources.fromFile.find((entry) => entry.key === key);
  if (setting !== undefined) return fileValue(setting, sources.path);
  return { key, value: definition.default, origin: { kind: "default", place: "default" } };
}

function fileValue({ key, value, line }: FileSetting, path: string): SettingValue {
  return { key, value, origin: { kind: "file", place: `${path}:${line ?? 1}` } };
}

function checked(definition: SettingDefinition, value: unknown, place: string): unknown {
  if (definition.schema.safeParse(value).success) return value;
  throw new SettingsError({
    message: `${place} is wrong: ${String(value)}`,
    why: `expected ${definition.expected}`,
    fix: [`set ${place} to ${definition.expected}`, `or leave ${place} out`],
    context: { key: definition.key, place },
  });
}

function compose(
  values: readonly SettingValue[],
  place: { readonly homeDirectory: string; readonly path: string },
): Settings {
  const byKey = new Map(values.map((entry) => [entry.key, entry.value]));
  const text = (key: string) => byKey.get(key) as string;
  const optionalText = (key: string) => byKey.get(key) as string | undefined;
  return {
    ...place,
    general: { defaultBackend: optionalText("general.default_backend"), defaultAgent: text("general.default_agent") },
    daemon: { port: Number(byKey.get("daemon.port")), isAutostart: byKey.get("daemon.autostart") === true },
    attach: { detachKeys: text("attach.detach_keys") },
    workspace: {
      branchPrefix: text("workspace.branch_prefix"),
      include: byKey.get("workspace.include") as readonly string[],
      refs: byKey.get("workspace.refs") as readonly string[],
      setup: optionalText("workspace.setup"),
      setupTimeoutMs: milliseconds(text("workspace.setup_timeout")),
      sync: {
        maxBytes: bytes(text("workspace.sync_size")),
        maxObjects: Number(byKey.get("workspace.sync_objects")),
        maxRefs: Number(byKey.get("workspace.sync_refs")),
        timeoutMs: milliseconds(text("workspace.sync_timeout")),
      },
    },
    undo: { keepMs: milliseconds(text("undo.keep")), ignoredLimitBytes: bytes(text("undo.ignored_limit")) },
    agents: named(values, "agents", agentSettings),
    backends: named(values, "backends", backendSettings),
    session: {
      accessMode: byKey.get("session.access_mode") as Settings["session"]["accessMode"],
      network: byKey.get("session.network") as Settings["session"]["network"],
      allow: byKey.get("session.allow") as readonly string[],
      deny: byKey.get("session.deny") as readonly string[],
      isAdvisory: byKey.get("session.advisory") === true,
      budget: optionalText("session.budget"),
    },
    proxy: { isEnabled: byKey.get("proxy.enabled") as boolean | undefined },
    docker: dockerTable(values),
    zellij: { program: optionalText("zellij.program") },
    values,
  };
}

const minute = 60_000;
const units = { s: 1000, m: minute, h: 60 * minute, d: 24 * 60 * minute } as const;

/** `30d`, as the definition allows it. */
function milliseconds(text: string): number {
  const unit = text.at(-1);
  return Number.parseInt(text, 10) * (unit === "s" || unit === "m" || unit === "h" ? units[unit] : units.d);
}

/** `256m`, as the definition allows it. */
function bytes(text: string): number {
  const power = "kmgt".indexOf(text.slice(-1).toLowerCase()) + 1;
  return Number.parseInt(text, 10) * 1024 ** power;
}

/** The tables `[family.NAME]`, by name. */
function named<Table>(
  values: readonly SettingValue[],
  family: string,
  make: (table: Readonly<Record<string, unknown>>) => Table,
): Readonly<Record<string, Table>> {
  const tables = new Map<string, Record<string, unknown>>();
  for (const { key, value } of values) {
    const [start, name = "", ...rest] = key.split(".");
    if (start !== family) continue;
    const table = tables.get(name) ?? {};
    table[rest.join(".")] = value;
    tables.set(name, table);
  }
  return Object.fromEntries([...tables].map(([name, table]) => [name, make(table)]));
}

function agentSettings(table: Readonly<Record<string, unknown>>): AgentSettings {
  return {
    command: table["command"] as AgentSettings["command"],
    trustWorktrees: table["trust_worktrees"] === true,
  };
}

function backendSettings({ module, ...settings }: Readonly<Record<string, unknown>>): BackendSettings {
  return { module: module as BackendSettings["module"], settings };
}
