import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export interface RunningSession {
  readonly name: string;
  readonly state: string;
  readonly agent: string;
}

/**
 * The sessions of the daemon that answers for the environment's home. The client would do, but takes longer to load than a shell may wait for
 * a completion; hence one request by hand.
 */
export async function runningSessions(
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly RunningSession[]> {
  const chosen = environment["CLAUDERON_HOME"] ?? "";
  const home = chosen === "" ? join(environment["HOME"] || homedir(), ".clauderon") : chosen;
  const [file, token] = await Promise.all([
    readFile(join(home, "daemon.json"), "utf8"),
    readFile(join(home, "token"), "utf8"),
  ]);
  const url = new URL("/api/sessions", textOf(JSON.parse(file), "url"));
  const answer: unknown = JSON.parse(await body(url, token.trim(), signal));
  if (!Array.isArray(answer)) return [];
  return answer.map((session: unknown) => ({
    name: textOf(session, "name"),
    state: textOf(session, "state"),
    agent: textOf(session, "agent"),
  }));
}

function textOf(value: unknown, key: string): string {
  const text: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  if (typeof text === "string") return text;
  throw new TypeError(`no ${key}`);
}

function body(url: URL, token: string, signal: AbortSignal): Promise<string> {
  // An `import` of it would load what is behind `fetch`, for longer than the whole completion takes.
  const { get } = process.getBuiltinModule("node:http");
  return new Promise((resolve, reject) => {
    const request = get(url, { signal, headers: { authorization: `Bearer ${token}` } }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () => {
        resolve(text);
      });
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}
