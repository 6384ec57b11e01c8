import { ClauderonError, type CallOptions, type CommandRunner } from "@clauderon/core/contract";
import { parseJson } from "@clauderon/core/host";

import { dockerDirectory, readDockerConfig, recordOf, textOf, type DockerConfig } from "../endpoint/docker-config.ts";
import type { Machine } from "../endpoint/usual-sockets.ts";

/** What is handed to the engine for a pull, and never to a sandbox. */
export interface RegistryCredentials {
  /** Of the header `X-Registry-Auth`. */
  readonly header: string;
  /** Where it came from, or why there is none: for errors. Never the credential. */
  readonly note: string;
}

const hubKey = "https://index.docker.io/v1/";
const helperMs = 20_000;
/** What helpers print instead of an answer when they have none. */
const hasNone = /credentials not found/iu;

/** The user's own login at a registry: the helper that the configuration names, then what the file holds itself. */
export async function registryCredentials(
  registry: string,
  { machine, runner, signal }: CallOptions & { readonly machine: Machine; readonly runner: CommandRunner },
): Promise<RegistryCredentials> {
  const config = await readDockerConfig(dockerDirectory(machine.environment, machine.userHome));
  const key = registry === "docker.io" ? hubKey : registry;
  const helper = config.credentialHelpers[registry] ?? config.credentialHelpers[key] ?? config.credentialStore;
  let note = `you are not logged in to ${registry}`;
  if (helper !== undefined) {
    const asked = await askHelper(helper, key, { machine, runner, signal });
    if (asked.credentials !== undefined)
      return { header: encoded(asked.credentials), note: `docker-credential-${helper}` };
    if (asked.why !== undefined) note = asked.why;
  }
  const own = ownLogin(config, registry, key);
  return own === undefined ? { header: encoded({}), note } : { header: encoded(own), note: config.path };
}

type Credentials = Readonly<Record<string, string>>;

interface HelperOptions extends CallOptions {
  readonly machine: Machine;
  readonly runner: CommandRunner;
}

async function askHelper(
  helper: string,
  key: string,
  { machine, runner, signal }: HelperOptions,
): Promise<{ readonly credentials?: Credentials; readonly why?: string }> {
  const program = `docker-credential-${helper}`;
  if (!/^[\w.-]+$/u.test(helper)) return { why: `"${helper}" is no name of a credential helper` };
  try {
    const environment = machine.environment;
    const { exitCode, stdout, stderr } = await runner.run(program, ["get"], {
      input: key,
      environment,
      timeoutMs: helperMs,
      signal,
    });
    if (exitCode !== 0)
      return hasNone.test(stdout + stderr) ? {} : { why: `${program} failed with exit code ${exitCode}` };
    const answer = recordOf(parseJson(stdout, program));
    const [user, secret] = [textOf(answer["Username"]), textOf(answer["Secret"])];
    if (user === undefined || secret === undefined) return {};
    return {
      credentials:
        user === "<token>" ? { identitytoken: secret } : { username: user, password: secret, serveraddress: key },
    };
  } catch (error) {
    signal?.throwIfAborted();
    // Public images need none of it: the pull says whether it was needed.
    if (ClauderonError.isInstance(error)) return { why: `${program} could not be asked: ${error.message}` };
    throw error;
  }
}

function ownLogin({ logins }: DockerConfig, registry: string, key: string): Credentials | undefined {
  const login = logins[key] ?? logins[registry] ?? logins[`https://${registry}`] ?? logins[`https://${registry}/v1/`];
  if (login?.identityToken !== undefined) return { identitytoken: login.identityToken };
  if (login?.auth === undefined) return undefined;
  const text = Buffer.from(login.auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1) return undefined;
  // Some programs end it with NUL.
  const password = text.slice(colon + 1).replace(/\0+$/u, "");
  return { username: text.slice(0, colon), password, serveraddress: key };
}

/** With its padding: engines refuse it without. */
function encoded(credentials: Credentials): string {
  return Buffer.from(JSON.stringify(credentials)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
