import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";

import { describeBackendContract } from "@clauderon/core/testing";
import { afterAll } from "vitest";

import { createZellijBackend } from "../src/index.ts";
import { zellijMissing } from "./real-zellij.ts";

const run = promisify(execFile);
const program = process.env["CLAUDERON_TEST_ZELLIJ"] ?? "zellij";

// Short: with the longest name a socket's path has just 107 bytes.
const directory = mkdtempSync("/tmp/z");
process.env["ZELLIJ_SOCKET_DIR"] = directory;
afterAll(() => rm(directory, { recursive: true, force: true }));

describeBackendContract({
  name: "zellij",
  unavailable: zellijMissing,
  slowFactor: 3,
  concurrency: 3,
  create: (context) => createZellijBackend(context, { program }),
  samples: {
    foreign: async (name) => {
      const session = `clauderon-${name}`;
      const options = { env: { ...process.env, HOME: directory } };
      const isUp = async (): Promise<boolean> => {
        const answer = await run(program, ["-s", session, "action", "list-panes", "-a", "-j"], options).catch(
          () => undefined,
        );
        return answer?.stdout.trim().startsWith("[") === true;
      };
      // Whoever knocks at it while it is being born ends it, as other cases' commands do: made until it answers. Refused when it is there.
      do await run(program, ["attach", "--create-background", session], options).catch(() => undefined);
      while (!(await isUp()));
      return {
        async [Symbol.asyncDispose]() {
          await run(program, ["kill-session", session], options);
        },
      };
    },
  },
});
