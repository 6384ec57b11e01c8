import { UsageError } from "../contract/errors/usage-error.ts";
import { nearest } from "../support/nearest.ts";
import { findDefinition, settingDefinitions, type SettingDefinition } from "./setting-definitions.ts";
import type { Settings, SettingValue } from "./settings.ts";

/** One setting with its origin. Throws `usage.invalid` with the nearest key for one that does not exist. */
export function getSetting(settings: Settings, key: string): SettingValue {
  const definition = requireDefinition(key);
  const around = settings.values.find((entry) => key === entry.key || key.startsWith(`${entry.key}.`));
  if (around === undefined) return { key, value: definition.default, origin: { kind: "default", place: "default" } };
  const inside = key.slice(around.key.length + 1);
  return { key, value: inside === "" ? around.value : valueAt(around.value, inside.split(".")), origin: around.origin };
}

/** A member of a nested table, `undefined` when there is none. */
export function valueAt(table: unknown, [first, ...rest]: readonly string[]): unknown {
  if (first === undefined) return table;
  if (typeof table !== "object" || table === null || !Object.hasOwn(table, first)) return undefined;
  return valueAt(Reflect.get(table, first), rest);
}

/** Every setting in force with its origin; the fixed ones first, then what the file says of agents and backends. */
export function listSettings(settings: Settings): readonly SettingValue[] {
  return settings.values;
}

/** The definition of a dotted key. */
export function requireDefinition(key: string): SettingDefinition {
  const definition = findDefinition(key.split("."));
  if (definition !== undefined) return definition;
  const fixed = settingDefinitions.map((entry) => entry.key).filter((name) => !name.includes("*"));
  const word = key.split(".").at(-1) ?? key;
  const near = nearest(key, fixed) ?? fixed.find((name) => name.endsWith(`.${word}`));
  throw new UsageError({
    message: `There is no setting ${key}`,
    fix:
      near === undefined
        ? ["see every setting: clauderon config list"]
        : [`clauderon config get ${near}`, "see every setting: clauderon config list"],
    context: { key, nearest: near },
  });
}
