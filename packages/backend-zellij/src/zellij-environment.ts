import { existsSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Set inside zellij's panes: with them every zellij command would act on the session around it. */
const paneVariables: ReadonlySet<string> = new Set(["ZELLIJ", "ZELLIJ_SESSION_NAME", "ZELLIJ_PANE_ID"]);

/** What decides where zellij keeps its sockets, cache and configuration; kept with a sandbox, because no secret is among it. */
const placeVariables = [
  "ZELLIJ_SOCKET_DIR",
  "ZELLIJ_CONFIG_DIR",
  "ZELLIJ_CONFIG_FILE",
  "HOME",
  "XDG_RUNTIME_DIR",
  "XDG_CACHE_HOME",
  "XDG_CONFIG_HOME",
  "TMPDIR",
] as const;

/** Version of zellij's client-server contract, a part of the socket's path since 0.44. */
const contractDirectory = "contract_version_1";
/** With the end mark: 104 on macOS, 108 elsewhere. */
const socketPathBytes = process.platform === "darwin" ? 103 : 107;

/** The environment without what tells that it is inside a zellij pane. */
export function withoutPaneVariables(environment: Environment): Record<string, string> {
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !paneVariables.has(entry[0]),
  );
  return Object.fromEntries(entries);
}

/** The places of the caller's zellij, so that a session is found by what the caller types in a terminal; a socket directory of this process counts where the caller names none. */
export function zellijPlaces(caller: Environment, own: Environment): Readonly<Record<string, string>> {
  const places = Object.fromEntries(
    placeVariables.map((name) => [name, caller[name]]).filter((entry): entry is [string, string] => !!entry[1]),
  );
  const ownDirectory = own["ZELLIJ_SOCKET_DIR"];
  return ownDirectory && !places["ZELLIJ_SOCKET_DIR"] ? { ...places, ZELLIJ_SOCKET_DIR: ownDirectory } : places;
}

/** The environment of our own zellij commands. */
export function commandEnvironment(places: Environment, own: Environment): Record<string, string> {
  const base = { PATH: own["PATH"], LANG: own["LANG"] || "C.UTF-8", LC_ALL: own["LC_ALL"], HOME: own["HOME"] };
  return withoutPaneVariables({ ...base, ...places, TERM: "xterm-256color", COLORTERM: "truecolor" });
}

/** Where zellij puts its sockets. */
export function socketDirectory(places: Environment): string {
  if (places["ZELLIJ_SOCKET_DIR"]) return places["ZELLIJ_SOCKET_DIR"];
  const runtime = process.platform === "linux" ? places["XDG_RUNTIME_DIR"] : undefined;
  if (runtime) return join(runtime, "zellij");
  return join(places["TMPDIR"] || tmpdir(), `zellij-${String(process.getuid?.() ?? 0)}`);
}

/** The session's own socket. */
export function socketPath(places: Environment, sessionName: string): string {
  return join(socketDirectory(places), contractDirectory, sessionName);
}

/** How many bytes longer than allowed the session's socket path would be; 0 or less: it fits. */
export function excessSocketBytes(places: Environment, sessionName: string): number {
  return Buffer.byteLength(socketPath(places, sessionName)) - socketPathBytes;
}

/** Where zellij keeps what outlives a session. */
export function cacheDirectory(places: Environment): string {
  const home = places["HOME"] || homedir();
  return process.platform === "darwin"
    ? join(home, "Library/Caches/org.Zellij-Contributors.Zellij")
    : join(places["XDG_CACHE_HOME"] || join(home, ".cache"), "zellij");
}

/** Where zellij keeps what it needs to resurrect a session. */
export function resurrectionDirectory(places: Environment, sessionName: string): string {
  return join(cacheDirectory(places), contractDirectory, "session_info", sessionName);
}

/** The user's configuration, as zellij itself looks for it; the directory need not exist. */
export function userConfiguration(places: Environment): { readonly directory: string; readonly file: string } {
  const home = places["HOME"] || homedir();
  const own = join(home, ".config/zellij");
  const platform =
    process.platform === "darwin"
      ? join(home, "Library/Application Support/org.Zellij-Contributors.Zellij")
      : join(places["XDG_CONFIG_HOME"] || join(home, ".config"), "zellij");
  const directory =
    places["ZELLIJ_CONFIG_DIR"] || [own, platform, "/etc/zellij"].find((path) => existsSync(path)) || own;
  return { directory, file: places["ZELLIJ_CONFIG_FILE"] || join(directory, "config.kdl") };
}
