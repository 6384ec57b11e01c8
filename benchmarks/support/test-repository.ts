import { spawn } from "node:child_process";
import { once } from "node:events";

import { git } from "./git.ts";

/** A repository with one commit of so many small files, 100 in a folder. */
export async function makeRepository(directory: string, fileCount: number): Promise<void> {
  await git(["init", "--quiet", "--initial-branch=main", directory]);
  const child = spawn("git", ["-C", directory, "fast-import", "--quiet"], { stdio: ["pipe", "ignore", "inherit"] });
  const ended = once(child, "exit");
  child.stdin.write("commit refs/heads/main\ncommitter bench <bench@example.org> 1700000000 +0000\ndata 5\nfirst\n");
  for (let index = 0; index < fileCount; index++) {
    const content = `file ${index}\n`;
    child.stdin.write(
      `M 100644 inline folder-${Math.floor(index / 100)}/file-${index}.txt\ndata ${content.length}\n${content}\n`,
    );
  }
  child.stdin.end("done\n");
  await ended;
  await git(["-C", directory, "reset", "--quiet", "--hard"]);
}
