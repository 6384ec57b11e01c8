import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { parse, stringify, TomlError } from "smol-toml";

import { SettingsError } from "../contract/errors/settings-error.ts";
import { UsageError } from "../contract/errors/usage-error.ts";
import { makePrivateDirectory } from "../host/make-private-directory.ts";
import { replaceFile } from "../host/replace-file.ts";
import { editToml } from "./edit-toml.ts";
import { requireDefinition, valueAt } from "./get-setting.ts";
import { readSettings, readSettingsText } from "./read-settings-file.ts";
import type { SettingDefinition } from "./setting-definitions.ts";

/**
 * Changes one key of the configuration and nothing else in it: comments, order and spacing stay. `value` is as typed by the user: a word, `true`, `3030`,
 * or TOML (`["a", "b"]`). The file is made when there is none, and replaced whole or not at all. Rejects with `usage.invalid` for an unknown key or a wrong value,
 * with `settings.invalid` when the file is wrong already or its layout cannot take the key.
 */
export async function setSetting(path: string, key: string, value: string): Promise<void> {
  const definition = requireDefinition(key);
  const wanted = readValue(definition, value);
  if (wanted === undefined || !definition.schema.safeParse(wanted).success) {
    throw new UsageError({
      message: `${value === "" ? "An empty text" : value} cannot be the value of ${key}`,
      why: `expected ${definition.expected}`,
      fix: [`clauderon config set ${key} VALUE with ${definition.expected}`],
      context: { key, value },
    });
  }
  const text = await readSettingsText(path);
  readSettings(text, path);
  const edited = editToml(text, key.split("."), inlineToml(wanted));
  refuseWhenMore({ path, key, wanted }, parse(text), edited);
  await makePrivateDirectory(dirname(path));
  await replaceFile(path, edited);
}

/** As typed when the setting takes that text, else as TOML. */
function readValue(definition: SettingDefinition, value: string): unknown {
  const isFree = definition.key.endsWith("**");
  if (!isFree && definition.schema.safeParse(value).success) return value;
  try {
    const { value: parsed, ...more } = parse(`value = ${value}`);
    return Object.keys(more).length === 0 ? parsed : isFree ? value : undefined;
  } catch (error) {
    if (error instanceof TomlError) return isFree ? value : undefined;
    throw error;
  }
}

function inlineToml(value: unknown): string {
  const line = stringify({ value: [value] }).trim();
  // `value = [ X ]`: inside a list every value, a table too, is written inline.
  return line.slice(line.indexOf("[") + 1, line.lastIndexOf("]")).trim();
}

interface Change {
  readonly path: string;
  readonly key: string;
  readonly wanted: unknown;
}

/** An edit that does anything but set the key is not written. */
function refuseWhenMore(change: Change, before: object, edited: string): void {
  const parts = change.key.split(".");
  try {
    const after = parse(edited);
    const isSet = isDeepStrictEqual(plain(valueAt(after, parts)), plain(change.wanted));
    if (isSet && isDeepStrictEqual(plain(without(after, parts)), plain(without(before, parts)))) return;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
  }
  throw new SettingsError({
    message: `${change.key} cannot be set in ${change.path} as it is laid out`,
    why: "its table is written in one line or in a form that only its author should change",
    fix: [`edit ${change.path}: write ${parts.at(-1) ?? ""} = ${inlineToml(change.wanted)} in it`],
    context: { path: change.path, key: change.key },
  });
}

/** A copy that lacks the key, and the tables that held it alone. */
function without(table: object, [first = "", ...rest]: readonly string[]): object {
  const { [first]: child, ...others } = table as Record<string, unknown>;
  if (rest.length === 0 || typeof child !== "object" || child === null) return others;
  const smaller = without(child, rest);
  return Object.keys(smaller).length === 0 ? others : { ...others, [first]: smaller };
}

/** Without prototypes, which the parser leaves out. */
function plain(value: unknown): unknown {
  return structuredClone(value);
}
