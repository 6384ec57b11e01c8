import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { SettingsError, UsageError } from "@clauderon/core/contract";

import { createCodexLogin, type CodexLogin } from "./codex-login.ts";
import { readKeyringNames, writeKeyringNames } from "./keyring-names.ts";
import type { Keyring } from "./keyring.ts";
import { knownSecret, knownSecrets } from "./known-secrets.ts";
import type { OnePassword, OnePasswordSettings } from "./one-password.ts";
import type { PostJson } from "./post-json.ts";
import { checkSecretValue, readSecretFile, type SecretReading } from "./secret-file.ts";
import { Secret } from "./secret.ts";
import { writeSecretFile } from "./write-secret-file.ts";

/** Where a secret comes from, the first that has it: the environment, 1Password, the desktop's keyring, a file, the login of the Codex CLI. */
export type SecretOrigin = "environment" | "1password" | "keyring" | "file" | "codex-login";

/** A secret as it is listed; never its value. */
export interface SecretInfo {
  readonly name: string;
  readonly description: string;
  /** `configured`: 1Password or the keyring will be asked when it is needed. */
  readonly state: "ready" | "configured" | "refused" | "missing";
  readonly origin?: SecretOrigin | undefined;
  /** The variable, reference or path. */
  readonly place?: string | undefined;
  /** Why it is refused, and what to do. */
  readonly why?: string | undefined;
  readonly fix?: string | undefined;
}

/** What {@link createSecretSource} reads from. */
export interface SecretSourceSettings {
  /** `~/.clauderon/secrets`. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onePassword?: { readonly client: OnePassword; readonly settings: OnePasswordSettings } | undefined;
  /** The keyring of the desktop, for the secrets that were put there. */
  readonly keyring?: Keyring | undefined;
  /** `~/.codex/auth.json`. */
  readonly codexAuthPath?: string | undefined;
  /** How that login is renewed; default: straight from this process. */
  readonly post?: PostJson | undefined;
  /** Default: the one of `codexAuthPath`, renewed over HTTPS. */
  readonly codexLogin?: CodexLogin | undefined;
  /** Milliseconds that only grow. */
  readonly monotonicMs: () => number;
}

/** The user's secrets by name: used, listed, replaced; never printed. Files that change are seen within a second. */
export interface SecretSource {
  /** Whether something is stored under the name, readable or not: one that cannot be used is an error at `get`, not a missing one. */
  has(name: string): boolean;
  /** The secret; `undefined` when nobody has it. Throws `settings.invalid` when what is stored is refused, `command.*` when 1Password does not give it. */
  get(name: string): Promise<Secret | undefined>;
  /** The secret if nobody has to be asked for it; else `get` has it. */
  ready(name: string): Secret | undefined;
  /** Known names, those stored and those configured, by name. */
  list(): Promise<readonly SecretInfo[]>;
  describe(name: string): SecretInfo;
  /** The name under which it is stored: `sprites` for `sprites_api_key`. Throws `usage.invalid` for what is no name. */
  nameOf(name: string): string;
  /** Stores a value as a file, or in the keyring. The answer tells where the name still comes from, when that is stronger. */
  set(name: string, value: string, options?: { readonly place?: "file" | "keyring" | undefined }): Promise<SecretInfo>;
  /** Removes the file and the keyring's entry. Throws `usage.invalid` when the secret comes from elsewhere, or from nowhere. */
  remove(name: string): Promise<void>;
  /** Secrets whose variables are set and that nothing else holds. */
  importable(): readonly { readonly name: string; readonly variable: string }[];
  /** Forgets what was read. */
  refresh(): void;
}

interface Found {
  readonly origin: SecretOrigin;
  readonly place: string;
  /** Absent = 1Password (for this entry of its references) or the keyring has to be asked. */
  readonly reading?: SecretReading | undefined;
  readonly entry?: string | undefined;
}

const freshMs = 1000;
const validName = /^[a-z0-9][a-z0-9._-]{0,99}$/;

/** Opens the user's secrets; reads nothing before it is asked. */
export function createSecretSource(given: SecretSourceSettings): SecretSource {
  const settings = { ...given, codexLogin: given.codexLogin ?? codexLoginAt(given) };
  const cache = new Map<string, { readonly until: number; readonly found: Found | undefined }>();
  const find = (name: string): Found | undefined => {
    const known = cache.get(name);
    if (known !== undefined && known.until > settings.monotonicMs()) return known.found;
    const found = validName.test(name) ? findSecret(settings, name) : undefined;
    cache.set(name, { found, until: settings.monotonicMs() + freshMs });
    return found;
  };
  const refresh = (): void => {
    cache.clear();
    settings.onePassword?.client.forget();
    settings.keyring?.forget();
  };
  const describe = (name: string): SecretInfo => infoOf(name, find(name));
  return {
    refresh,
    describe,
    nameOf: checkName,
    has: (name) => find(name) !== undefined,
    get: async (name) => {
      const found = find(name);
      if (found === undefined) return undefined;
      const reading = await readFound(settings, name, found);
      if (reading?.kind === "refused") throw refusedSecret(name, reading);
      return reading?.kind === "value" ? new Secret(name, reading.value) : undefined;
    },
    ready: (name) => {
      const found = find(name);
      // A login is looked at each time: it may have to be renewed.
      if (found?.reading?.kind !== "value" || found.origin === "codex-login") return undefined;
      return new Secret(name, found.reading.value);
    },
    list: async () => {
      const stored = await storedNames(settings.directory);
      const configured = Object.keys(settings.onePassword?.settings.references ?? {});
      const names = new Set([
        ...knownSecrets.map(({ name }) => name),
        ...stored,
        ...readKeyringNames(settings.directory),
        ...configured.map((name) => knownSecret(name).name),
      ]);
      return [...names].sort().map((name) => describe(name));
    },
    set: async (name, value, options = {}) => {
      const checked = checkName(name);
      const reading = checkSecretValue(Buffer.from(value), `the value of ${checked}`);
      if (reading.kind !== "value") throw refusedSecret(checked, reading);
      if (options.place === "keyring") await storeInKeyring(settings, checked, reading.value);
      else await writeSecretFile(join(settings.directory, checked), reading.value);
      refresh();
      return describe(checked);
    },
    remove: async (name) => {
      const checked = checkName(name);
      const isInKeyring = await removeFromKeyring(settings, checked);
      const paths = filePaths(settings.directory, checked).filter((path) => readSecretFile(path).kind !== "missing");
      if (paths.length === 0 && !isInKeyring) throw notAFile(checked, find(checked));
      for (const path of paths) await rm(path);
      refresh();
    },
    importable: () =>
      knownSecrets.flatMap(({ name, variables }) => {
        const variable = variables.find((candidate) => (settings.environment[candidate] ?? "") !== "");
        const isStored =
          filePaths(settings.directory, name).some((path) => readSecretFile(path).kind !== "missing") ||
          readKeyringNames(settings.directory).includes(name);
        return variable === undefined || isStored ? [] : [{ name, variable }];
      }),
  };
}

function findSecret(settings: SecretSourceSettings, name: string): Found | undefined {
  const { variables, aliases } = knownSecret(name);
  for (const variable of variables) {
    const value = settings.environment[variable] ?? "";
    if (value !== "") {
      return { origin: "environment", place: variable, reading: checkSecretValue(Buffer.from(value), variable) };
    }
  }
  const references = settings.onePassword?.settings.references ?? {};
  for (const candidate of [name, ...aliases]) {
    const reference = references[candidate];
    if (reference !== undefined) return { origin: "1password", place: reference, entry: candidate };
  }
  if (settings.keyring !== undefined && readKeyringNames(settings.directory).includes(name)) {
    return { origin: "keyring", place: "the keyring of this desktop" };
  }
  for (const path of filePaths(settings.directory, name)) {
    const reading = readSecretFile(path);
    if (reading.kind !== "missing") return { origin: "file", place: path, reading };
  }
  if (name !== "codex-access" || settings.codexLogin === undefined) return undefined;
  const reading = settings.codexLogin.read();
  const place = settings.codexAuthPath ?? "auth.json";
  return reading.kind === "missing" ? undefined : { origin: "codex-login", place, reading };
}

async function readFound(
  settings: SecretSourceSettings,
  name: string,
  found: Found,
): Promise<SecretReading | undefined> {
  if (found.origin === "codex-login") return settings.codexLogin?.fresh();
  if (found.origin === "keyring") return settings.keyring?.read(name);
  return found.reading ?? settings.onePassword?.client.read(found.entry ?? name);
}

/** The name is written down after the value is stored, so that a crash between them leaves no name without a value. A file of the same name gives way. */
async function storeInKeyring(settings: SecretSourceSettings, name: string, value: string): Promise<void> {
  if (settings.keyring === undefined) {
    throw new UsageError({
      message: "There is no keyring here",
      fix: [`store it as a file: clauderon config credentials set ${name}`],
    });
  }
  await settings.keyring.store(name, value);
  await writeKeyringNames(settings.directory, [...readKeyringNames(settings.directory), name]);
  for (const path of filePaths(settings.directory, name)) await rm(path, { force: true });
}

async function removeFromKeyring(settings: SecretSourceSettings, name: string): Promise<boolean> {
  const names = readKeyringNames(settings.directory);
  if (settings.keyring === undefined || !names.includes(name)) return false;
  await settings.keyring.remove(name);
  await writeKeyringNames(
    settings.directory,
    names.filter((other) => other !== name),
  );
  return true;
}

function codexLoginAt({ codexAuthPath: path, post }: SecretSourceSettings): CodexLogin | undefined {
  return path === undefined ? undefined : createCodexLogin({ path, now: () => new Date(), post });
}

function filePaths(directory: string, name: string): readonly string[] {
  return [name, ...knownSecret(name).aliases].map((file) => join(directory, file));
}

async function storedNames(directory: string): Promise<readonly string[]> {
  try {
    const files = await readdir(directory);
    return files.filter((file) => validName.test(file)).map((file) => knownSecret(file).name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function infoOf(name: string, found: Found | undefined): SecretInfo {
  const { description } = knownSecret(name);
  if (found === undefined)
    return { name, description, state: "missing", fix: `clauderon config credentials set ${name}` };
  const { origin, place, reading } = found;
  const base = { name, description, origin, place };
  if (reading === undefined) return { ...base, state: "configured" };
  if (reading.kind === "refused") return { ...base, state: "refused", why: reading.why, fix: reading.fix };
  return { ...base, state: "ready" };
}

function checkName(name: string): string {
  if (validName.test(name)) return knownSecret(name).name;
  const meant = knownSecrets.find(({ variables }) => variables.includes(name));
  const seeNames = "see the names: clauderon config credentials list";
  throw new UsageError({
    message: `"${name.slice(0, 100)}" is not a name for a secret`,
    why: "a name has small letters, digits, dots, dashes and underscores, and begins with a letter or digit",
    fix: meant === undefined ? [seeNames] : [`the name of what ${name} holds is ${meant.name}`, seeNames],
  });
}

function refusedSecret(name: string, reading: SecretReading): SettingsError {
  const { why, fix } = reading.kind === "refused" ? reading : { why: "it is empty", fix: "store it again" };
  return new SettingsError({ message: `The secret ${name} is not used`, why, fix: [fix], context: { name } });
}

function notAFile(name: string, found: Found | undefined): UsageError {
  if (found === undefined) {
    return new UsageError({
      message: `No secret ${name} is stored`,
      fix: ["see them: clauderon config credentials list"],
    });
  }
  const fixes = {
    environment: `unset ${found.place} where the daemon is started, and start it again`,
    "1password": "remove its line from [onepassword.credentials] in proxy.toml",
    "codex-login": "log out of Codex: codex logout",
    file: `rm ${found.place}`,
    keyring: "clauderon config credentials list",
  };
  return new UsageError({
    message: `The secret ${name} is not stored by clauderon`,
    why: `it comes from ${found.place}`,
    fix: [fixes[found.origin]],
  });
}
