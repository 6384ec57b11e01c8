import { tmpdir } from "node:os";

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { ClauderonError } from "../contract/errors/clauderon-error.ts";
import { collectBytes } from "./collect-bytes.ts";
import { createHelpedRunner } from "./command-helper/create-helped-runner.ts";
import { createCommandRunner } from "./create-command-runner.ts";
import { isGroupAlive } from "./process-group.ts";

const sh = (script: string, ...parameters: readonly string[]): readonly string[] => ["-c", script, "sh", ...parameters];

async function rejection(promise: Promise<unknown>): Promise<ClauderonError> {
  return await promise.then(
    () => {
      throw new Error("must reject");
    },
    (error: unknown) => error as ClauderonError,
  );
}

const helped = createHelpedRunner();
beforeAll(() => helped.start());
afterAll(() => helped[Symbol.asyncDispose]());

describe.each([
  { name: "by this process", runner: createCommandRunner() },
  { name: "by a helper", runner: helped },
])("$name", ({ runner }) => {
  describe("run", () => {
    test("tells output apart and the exit code as it is", async () => {
      expect(await runner.run("sh", sh("echo out; echo err >&2; exit 3"))).toEqual({
        exitCode: 3,
        stdout: "out\n",
        stderr: "err\n",
      });
      expect((await runner.run("sh", sh("exit 126"))).exitCode).toBe(126);
      expect((await runner.run("sh", sh("exit 127"))).exitCode).toBe(127);
      expect((await runner.run("sh", sh("kill -KILL $$"))).exitCode).toBe(137);
    });

    test("hands every argument over as it is", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
            { maxLength: 4 },
          ),
          async (args) => {
            const { stdout } = await runner.run(process.execPath, [
              "-e",
              "process.stdout.write(JSON.stringify(process.argv.slice(1)))",
              "--",
              ...args,
            ]);
            return stdout === JSON.stringify(args);
          },
        ),
        { numRuns: 15 },
      );
    });

    test("gives input, an environment and a directory", async () => {
      expect((await runner.run("cat", [], { input: "héllo" })).stdout).toBe("héllo");
      expect((await runner.run("cat", [])).stdout).toBe("");
      const environment = { PATH: process.env["PATH"], ONLY: "this", GONE: undefined };
      expect((await runner.run("sh", sh('echo "$ONLY-$GONE-$HOME"'), { environment })).stdout).toBe("this--\n");
      expect((await runner.run("pwd", ["-P"], { cwd: "/" })).stdout).toBe("/\n");
    });

    test("tells a missing program from a missing directory", async () => {
      expect(await rejection(runner.run("no-such-program-here", []))).toMatchObject({ code: "command.not-found" });
      const error = await rejection(runner.run("pwd", [], { cwd: "/no/such/directory" }));
      expect(error).toMatchObject({ code: "command.failed", why: "there is no such directory" });
      expect(await rejection(runner.run(tmpdir(), []))).toMatchObject({ code: "command.failed" });
    });

    test("kills the whole group at a timeout, also what ignores SIGTERM", async () => {
      const error = rejection(runner.run("sh", sh("trap '' TERM; echo $$; sleep 60 & sleep 60"), { timeoutMs: 300 }));
      expect(await error).toMatchObject({ code: "operation.timeout" });
    });

    test("kills the whole group on abort before it rejects with the reason", async () => {
      const controller = new AbortController();
      let group = 0;
      const reading = (async () => {
        for await (const chunk of runner.stream("sh", sh("echo $$; sleep 60 & sleep 60"), {
          signal: controller.signal,
        })) {
          group = Number(Buffer.from(chunk).toString());
          controller.abort(new Error("the caller left"));
        }
      })();
      expect((await rejection(reading)).message).toBe("the caller left");
      expect(group).toBeGreaterThan(0);
      expect(await isGroupAlive(group)).toBe(false);
      await expect(runner.run("sh", sh("echo never"), { signal: controller.signal })).rejects.toThrow(
        "the caller left",
      );
    });

    test("kills what prints too much", async () => {
      expect(await rejection(runner.run("yes", [], { maxOutputBytes: 100_000 }))).toMatchObject({
        code: "command.failed",
      });
    });

    test("does not wait for a background process that keeps the output open", async () => {
      const start = performance.now();
      const { stdout } = await runner.run("sh", sh("sleep 60 & echo $!"));
      expect(performance.now() - start).toBeLessThan(20_000);
      process.kill(Number(stdout), "SIGKILL");
    });
  });

  describe("stream", () => {
    test("hands over long binary output, then the failure", async () => {
      expect((await collectBytes(runner.stream("head", ["-c", "30000000", "/dev/zero"]))).byteLength).toBe(30_000_000);
      const failing = collectBytes(runner.stream("sh", sh("echo part; echo why >&2; exit 4")));
      expect(await rejection(failing)).toMatchObject({ code: "command.failed", why: "why", context: { exitCode: 4 } });
    });

    test("ends the program when the reader leaves", async () => {
      let group = 0;
      for await (const chunk of runner.stream("sh", sh("echo $$; exec sleep 60"))) {
        group = Number(Buffer.from(chunk).toString());
        break;
      }
      expect(await isGroupAlive(group)).toBe(false);
    });
  });
});
