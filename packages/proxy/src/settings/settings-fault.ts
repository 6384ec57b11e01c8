import { SettingsError } from "@clauderon/core/contract";

import { nearestName } from "./nearest-name.ts";
import { settingExpectations, settingNames } from "./proxy-settings-schema.ts";
import type { TomlLineOf } from "./toml-lines.ts";

/** The file that faults are told of. */
export interface SettingsText {
  readonly path: string;
  readonly lineOf: TomlLineOf;
}

/** A fault of one key, with file and line. */
export function settingsFault(
  file: SettingsText,
  key: readonly PropertyKey[],
  text: { readonly message: string; readonly why?: string; readonly fix?: string },
): SettingsError {
  const line = file.lineOf(key);
  return new SettingsError({
    message: `${file.path}:${line}: ${text.message}`,
    why: text.why,
    fix: [text.fix ?? `correct line ${line} of ${file.path}`],
    context: { path: file.path, line, key: key.map(String).join(".") },
  });
}

/** A key that nothing knows, with the nearest that something does, here or elsewhere in the file. */
export function unknownSetting(file: SettingsText, key: readonly PropertyKey[]): SettingsError {
  const name = String(key.at(-1));
  const place = key.slice(0, -1);
  const names = settingNames[placeName(place)] ?? [];
  const near = nearestName(name, names);
  const elsewhere = Object.entries(settingNames).find(([, candidates]) => candidates.includes(name))?.[0];
  const where = place.length === 0 ? "" : ` in ${placeName(place).replace(".*", "")}`;
  const known =
    elsewhere === undefined
      ? `use one of: ${names.join(", ")}`
      : `write it under ${elsewhere === "" ? "no table" : `[${elsewhere.replace(".*", "")}]`}`;
  return settingsFault(file, key, {
    message: `unknown setting "${name.slice(0, 60)}"${where}`,
    fix: near === undefined ? known : `write ${near} for ${name.slice(0, 60)}`,
  });
}

/** A value of the wrong kind, with what is expected there. */
export function wrongSetting(file: SettingsText, key: readonly PropertyKey[]): SettingsError {
  let known = [...key];
  while (known.length > 0 && settingExpectations[placeName(known)] === undefined) known = known.slice(0, -1);
  return settingsFault(file, key, {
    message: `wrong value for ${key.map(String).join(".")}`,
    why: `expected ${settingExpectations[placeName(known)] ?? "another kind of value"}`,
  });
}

function placeName(key: readonly PropertyKey[]): string {
  return key.map((part) => (typeof part === "number" ? "*" : String(part))).join(".");
}
