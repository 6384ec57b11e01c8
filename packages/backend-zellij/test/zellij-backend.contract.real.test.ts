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
      // The other cases' commands may knock at it while it is being born, and end it.
      for (let isThere = false; !isThere;) {
        await run(program, ["attach", "--create-background", session], options);
        isThere = (await run(program, ["list-sessions", "-n", "-s"], options)).stdout.includes(session);
      }
      return {
        async [Symbol.asyncDispose]() {
          await run(program, ["kill-session", session], options);
        },
      };
    },
  },
});
