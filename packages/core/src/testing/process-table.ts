import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** A process of this machine, as far as this user may see it. */
export interface ProcessRow {
  readonly processId: number;
  /** Arguments (and on Linux the environment it was started with), separated by NUL or blanks. */
  readonly text: string;
}

/** Processes of this machine whose arguments or environment contain one of the texts; zombies have neither. */
export async function findProcesses(...texts: readonly string[]): Promise<readonly ProcessRow[]> {
  const rows = process.platform === "linux" ? await linuxRows() : await posixRows();
  return rows.filter((row) => row.processId !== process.pid && texts.some((text) => row.text.includes(text)));
}

async function linuxRows(): Promise<readonly ProcessRow[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  return Promise.all(
    names.map(async (name) => ({
      processId: Number(name),
      text: `${await readOrEmpty(`/proc/${name}/cmdline`)}\0${await readOrEmpty(`/proc/${name}/environ`)}`,
    })),
  );
}

/** A process that ended meanwhile, or belongs to another user, has nothing to show. */
async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return "";
  }
}

async function posixRows(): Promise<readonly ProcessRow[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "pid=,command="], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout
    .split("\n")
    .map((line) => /^\s*(\d+)\s(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ processId: Number(match[1]), text: match[2] ?? "" }));
}
