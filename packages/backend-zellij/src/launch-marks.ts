import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The processes of a launch. */
export interface LaunchProcesses {
  readonly agent: number;
  /** Waits for the agent and writes down how it ended. */
  readonly wrapper: number;
  /** The zellij server that owns the agent's terminal. */
  readonly server: number;
}

/** What the wrapper has written into a launch's directory. Read synchronously: a few bytes, looked at several times a second. */
export class LaunchMarks {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get processes(): LaunchProcesses | undefined {
    const line = this.#read("started") ?? "";
    if (!line.endsWith("\n")) return undefined;
    const [agent, wrapper, server] = line.trim().split(" ").map(Number);
    return agent && wrapper && server ? { agent, wrapper, server } : undefined;
  }

  get exitCode(): number | undefined {
    return this.#number("exit");
  }

  /** Why the agent's program was not run: 126 or 127. */
  get refusal(): number | undefined {
    return this.#number("refused");
  }

  #number(name: string): number | undefined {
    const text = this.#read(name);
    return text === undefined ? undefined : Number.parseInt(text, 10);
  }

  #read(name: string): string | undefined {
    try {
      return readFileSync(join(this.#directory, name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}
