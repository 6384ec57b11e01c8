import { DaemonError } from "../contract/errors/daemon-error.ts";
import { homeDirectory as defaultHome } from "../settings/settings-paths.ts";
import { version } from "../version.ts";
import { readToken } from "./daemon-files.ts";
import { ensureDaemon } from "./ensure-daemon.ts";

/** Where requests go, and with what. */
export interface Connection {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly token: string;
}

export interface ClientOptions {
  /** Absolute path; default: `CLAUDERON_HOME`, else `~/.clauderon`. */
  readonly homeDirectory?: string | undefined;
  /** What a daemon that is started gets; default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** A daemon at a known address; none is looked for or started then. */
  readonly url?: string | undefined;
  /** Default: the home's. */
  readonly token?: string | undefined;
  /** Program and arguments to which `daemon run` is added; default: the installed `clauderon`. */
  readonly program?: readonly [string, ...string[]] | undefined;
  /** Whether a daemon is started when none runs; default true. */
  readonly startDaemon?: boolean | undefined;
  /** Called before a daemon is started. */
  readonly onStart?: (() => void) | undefined;
}

/** Finds the daemon once and remembers it until it turns out to be gone. */
export interface Connector {
  connect(signal?: AbortSignal): Promise<Connection>;
  /** The next `connect` looks anew. */
  forget(): void;
}

export function createConnector(options: ClientOptions): Connector {
  let known: Promise<Connection> | undefined;

  async function find(): Promise<Connection> {
    const environment = options.environment ?? process.env;
    const homeDirectory = options.homeDirectory ?? defaultHome(environment);
    const token = (): Promise<string> =>
      options.token === undefined ? readToken(homeDirectory) : Promise.resolve(options.token);
    if (options.url !== undefined) return { url: options.url, token: await token() };
    const { file } = await ensureDaemon({ ...options, environment, homeDirectory });
    if (!isCompatible(file.version, version)) throw mismatch(file.version, version);
    return { url: file.url, token: await token() };
  }

  return {
    async connect(signal) {
      signal?.throwIfAborted();
      known ??= find();
      const asked = known;
      try {
        return await asked;
      } catch (error) {
        if (known === asked) known = undefined;
        throw error;
      }
    },
    forget() {
      known = undefined;
    },
  };
}

/** Below 1.0 a minor version may break; from then on a major one. */
export function isCompatible(left: string, right: string): boolean {
  const part = (version: string): string => {
    const [major = "", minor = ""] = version.split(".");
    return major === "0" ? `0.${minor}` : major;
  };
  return part(left) === part(right);
}

function mismatch(daemon: string, client: string): DaemonError {
  return new DaemonError({
    code: "daemon.version-mismatch",
    message: `The daemon is version ${daemon}, this is version ${client}`,
    why: "the daemon was started before an upgrade, or by another installation",
    fix: ["restart it (agents go on): clauderon daemon restart"],
    context: { daemon, client },
  });
}
