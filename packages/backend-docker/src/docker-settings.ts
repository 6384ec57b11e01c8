import { SettingsError, type PullPolicy } from "@clauderon/core/contract";
import { limitForms, readCpuLimit, readMemoryLimit, readProcessLimit } from "@clauderon/core/host";

/** How the daemon reaches the inside of a container. */
export type ChannelKind = "socket" | "stream";

/** The table `[docker]`, and `[docker.limits]` in it. */
export interface DockerSettings {
  /** Where the engine is: `unix:///…`. Default: as Docker's own programs find it. */
  readonly endpoint?: string | undefined;
  /** The image of sessions that ask for none. */
  readonly defaultImage?: string | undefined;
  /** Where that was said, for errors: `docker.default_image in config.toml:3`. */
  readonly defaultImageOrigin?: string | undefined;
  readonly pullPolicy?: PullPolicy | undefined;
  /** Default: what works with this engine. */
  readonly channel?: ChannelKind | undefined;
  readonly cpus?: number | undefined;
  readonly memoryBytes?: number | undefined;
  readonly processes?: number | undefined;
}

/** For sessions when nothing says otherwise: it has a shell, git, curl and build tools. */
export const builtInImage = "buildpack-deps:bookworm";

/** What keeps a runaway from taking all of the machine's process numbers. */
export const usualProcesses = 4096;

const pullPolicies: readonly PullPolicy[] = ["always", "if-not-present", "never"];
const channels: readonly ChannelKind[] = ["socket", "stream"];

/** Reads the table of a configuration, as parsed. Throws a `SettingsError` for what is unknown or wrong. */
export function parseDockerSettings(table: Readonly<Record<string, unknown>>): DockerSettings {
  const { limits = {}, ...own } = table;
  if (typeof limits !== "object" || limits === null) throw wrong("limits", limits, 'a table, as in cpu = "4"');
  refuseUnknown(own, ["endpoint", "default_image", "pull_policy", "channel"], "");
  refuseUnknown(limits as Readonly<Record<string, unknown>>, ["cpu", "memory", "pids"], "limits.");
  const limit = limits as Readonly<Record<string, unknown>>;
  return {
    endpoint: text("endpoint", own["endpoint"]),
    defaultImage: text("default_image", own["default_image"]),
    pullPolicy: oneOf("pull_policy", own["pull_policy"], pullPolicies),
    channel: oneOf("channel", own["channel"], channels),
    cpus: quantity("limits.cpu", limit["cpu"], { read: readCpuLimit, expected: limitForms.cpu }),
    memoryBytes: quantity("limits.memory", limit["memory"], { read: readMemoryLimit, expected: limitForms.memory }),
    processes: quantity("limits.pids", limit["pids"], { read: readProcessLimit, expected: limitForms.processes }),
  };
}

function refuseUnknown(table: Readonly<Record<string, unknown>>, known: readonly string[], prefix: string): void {
  const unknown = Object.keys(table).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new SettingsError({
    message: `The docker backend has no setting "${prefix}${unknown}"`,
    fix: [`remove it; there are ${known.map((key) => prefix + key).join(", ")}`],
    context: { key: `${prefix}${unknown}` },
  });
}

function text(key: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && value !== "") return value;
  throw wrong(key, value, "a text that is not empty");
}

function oneOf<Word extends string>(key: string, value: unknown, words: readonly Word[]): Word | undefined {
  if (value === undefined) return undefined;
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  throw wrong(key, value, words.map((word) => `"${word}"`).join(", "));
}

/** Numbers may be written with or without quotes; an empty text is no limit. */
function quantity(
  key: string,
  value: unknown,
  { read, expected }: { readonly read: (text: string) => number | undefined; readonly expected: string },
): number | undefined {
  if (value === undefined || value === "") return undefined;
  const found = typeof value === "string" || typeof value === "number" ? read(String(value)) : undefined;
  if (found !== undefined) return found;
  throw wrong(key, value, expected);
}

function wrong(key: string, value: unknown, expected: string): SettingsError {
  return new SettingsError({
    message: `The setting "${key}" of the docker backend is wrong: ${JSON.stringify(value)}`,
    why: `expected ${expected}`,
    fix: [`write ${expected}`, "or leave it out"],
    context: { key },
  });
}
