import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { SettingsError } from "@clauderon/core/contract";
import { parseJson } from "@clauderon/core/host";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is read of the user's own configuration of Docker. */
export interface DockerConfig {
  readonly path: string;
  readonly currentContext?: string | undefined;
  readonly credentialStore?: string | undefined;
  readonly credentialHelpers: Readonly<Record<string, string>>;
  /** By registry: base64 of `user:password`, or an identity token. */
  readonly logins: Readonly<Record<string, { readonly auth?: string; readonly identityToken?: string }>>;
}

/** `DOCKER_CONFIG`, else `~/.docker`. */
export function dockerDirectory(environment: Environment, userHome: string): string {
  return environment["DOCKER_CONFIG"] || join(userHome, ".docker");
}

/** Empty when there is no file. Rejects with `settings.unreadable` when it cannot be understood. */
export async function readDockerConfig(directory: string): Promise<DockerConfig> {
  const path = join(directory, "config.json");
  const content = await readIfThere(path);
  const record = content === undefined ? {} : objectOf(content, path);
  return {
    path,
    currentContext: textOf(record["currentContext"]),
    credentialStore: textOf(record["credsStore"]),
    credentialHelpers: Object.fromEntries(
      Object.entries(recordOf(record["credHelpers"])).flatMap(([host, helper]) =>
        textOf(helper) === undefined ? [] : [[host, String(helper)]],
      ),
    ),
    logins: Object.fromEntries(
      Object.entries(recordOf(record["auths"])).map(([host, login]) => {
        const { auth, identitytoken } = recordOf(login);
        return [
          host,
          {
            ...(textOf(auth) === undefined ? {} : { auth: String(auth) }),
            ...(textOf(identitytoken) === undefined ? {} : { identityToken: String(identitytoken) }),
          },
        ];
      }),
    ),
  };
}

/** `undefined` when there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw unreadable(path, error);
  }
}

/** Of a file that must hold an object. */
export function objectOf(content: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return recordOf(parseJson(content, path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function unreadable(path: string, cause: unknown): SettingsError {
  return new SettingsError({
    code: "settings.unreadable",
    message: `Docker's own configuration cannot be read: ${path}`,
    why: cause instanceof Error ? cause.message : String(cause),
    fix: [`mend or remove ${path}`],
    cause,
  });
}
