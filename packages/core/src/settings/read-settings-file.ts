import { readFile } from "node:fs/promises";

import { parse, TomlError } from "smol-toml";

import { SettingsError } from "../contract/errors/settings-error.ts";
import { nearest } from "../support/nearest.ts";
import { childrenOf, findDefinition, settingDefinitions } from "./setting-definitions.ts";
import { tomlStatements, type TomlStatement } from "./toml-statements.ts";

/** A setting as the file has it. */
export interface FileSetting {
  readonly key: string;
  readonly value: unknown;
  readonly line: number | undefined;
}

/** The text of the configuration, empty when there is none. */
export async function readSettingsText(path: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return "";
    const why = error instanceof Error ? error.message : String(error);
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") {
      throw new SettingsError({ message: `${path} is not UTF-8`, why, fix: [`save ${path} as UTF-8`], cause: error });
    }
    throw new SettingsError({
      code: "settings.unreadable",
      message: `The configuration ${path} cannot be read`,
      why,
      fix: [`make it readable: ls -la ${path}`, "set CLAUDERON_HOME to another directory"],
      context: { path },
      cause: error,
    });
  }
}

/** Checks a configuration text against every known key. Throws `settings.invalid` for the first fault, with `path:line`. */
export function readSettings(text: string, path: string): readonly FileSetting[] {
  const table = parseToml(text, path);
  return walk(table, { path, keys: [], statements: tomlStatements(text) });
}

interface Place {
  readonly path: string;
  readonly keys: readonly string[];
  readonly statements: readonly TomlStatement[];
}

function parseToml(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const why = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? error.message;
    throw new SettingsError({
      message: `${path}:${error.line}: not TOML`,
      why,
      fix: [`correct line ${error.line} of ${path}`],
      context: { path, line: error.line },
      cause: error,
    });
  }
}

function walk(table: Readonly<Record<string, unknown>>, place: Place): readonly FileSetting[] {
  return Object.entries(table).flatMap(([word, value]) => {
    const keys = [...place.keys, word];
    const here = { ...place, keys };
    const definition = findDefinition(keys);
    if (definition !== undefined) {
      if (!definition.schema.safeParse(value).success) throw wrongValue(here, definition.expected);
      return [{ key: keys.join("."), value, line: lineOf(here) }];
    }
    if (childrenOf(keys).length === 0) throw unknownKey(here);
    if (!isTable(value)) throw wrongValue(here, `a table, written as [${keys.join(".")}]`);
    return walk(value, here);
  });
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Of the key, else of the nearest thing around it. */
function lineOf(place: Place): number | undefined {
  for (let length = place.keys.length; length > 0; length -= 1) {
    const wanted = place.keys.slice(0, length).join("\0");
    const statement = place.statements.find((entry) => entry.path.slice(0, length).join("\0") === wanted);
    if (statement !== undefined) return statement.line;
  }
  return undefined;
}

function wrongValue(place: Place, expected: string): SettingsError {
  const key = place.keys.join(".");
  const line = lineOf(place);
  return new SettingsError({
    message: `${place.path}:${line ?? 1}: wrong value for ${key}`,
    why: `expected ${expected}`,
    fix: [`correct line ${line ?? 1} of ${place.path}`, "see every setting: clauderon config list"],
    context: { path: place.path, line, key },
  });
}

function unknownKey(place: Place): SettingsError {
  const word = place.keys.at(-1) ?? "";
  const parent = place.keys.slice(0, -1);
  const line = lineOf(place);
  const siblings = childrenOf(parent).filter((name) => name !== "*");
  const near = nearest(word, siblings);
  const elsewhere = settingDefinitions.find((definition) => definition.key.endsWith(`.${word}`));
  const where = parent.length === 0 ? "" : ` in [${parent.join(".")}]`;
  return new SettingsError({
    message: `${place.path}:${line ?? 1}: unknown setting "${word}"${where}`,
    fix: [
      ...(near === undefined ? [] : [`write ${near} for ${word}`]),
      ...(near === undefined && elsewhere !== undefined ? [`write it as ${elsewhere.key}`] : []),
      "see every setting: clauderon config list",
    ] as unknown as [string, ...string[]],
    context: { path: place.path, line, key: place.keys.join("."), nearest: near },
  });
}
