import type { ProcessHandle, Session } from "@clauderon/core/contract";
import { describe, expect, test } from "vitest";

import type { Access } from "../src/command/access.ts";
import { access, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

function processHandle(ending: {
  readonly exitCode: number;
  readonly isTimedOut?: boolean;
}): ProcessHandle & { input: Promise<string> } {
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const stream = (text: string): ReadableStream<Uint8Array> => new Blob([text]).stream();
  return {
    stdin: input.writable,
    stdout: stream("out"),
    stderr: stream("err"),
    exit: Promise.resolve({ isTimedOut: false, ...ending }),
    kill: async () => undefined,
    resize: async () => undefined,
    input: new Response(input.readable).text(),
  };
}

describe("exec", () => {
  const withProcess = (handle: ProcessHandle, seen: unknown[] = []): Partial<Access> => {
    const fake = new FakeClauderon(sessionDetail("s"));
    fake.patchSession = (session): Session => ({
      ...session,
      spawn: async (argv, options) => {
        seen.push({ argv, environment: options?.environment, cwd: options?.cwd, stdin: options?.stdin });
        return handle;
      },
    });
    return access(fake);
  };

  test.each([0, 3, 126, 137])("passes %i and both streams through", async (exitCode) => {
    const result = await runInProcess(["exec", "s", "--", "x"], { access: withProcess(processHandle({ exitCode })) });
    expect(result).toMatchObject({ code: exitCode, stdout: "out", stderr: "err" });
  });

  test("what follows -- is not looked at; input, variables and place are passed on", async () => {
    const seen: unknown[] = [];
    const handle = processHandle({ exitCode: 0 });
    const argv = ["exec", "s", "-e", "A=1", "-w", "sub", "--", "ls", "--help", "--", "-q", ""];
    const result = await runInProcess(argv, { access: withProcess(handle, seen), input: "typed" });
    expect(result.code).toBe(0);
    expect(seen).toEqual([
      { argv: ["ls", "--help", "--", "-q", ""], environment: { A: "1" }, cwd: "sub", stdin: "pipe" },
    ]);
    expect(await handle.input).toBe("typed");
  });

  test("a terminal's input is only taken with -i", async () => {
    const seen: { stdin?: string }[] = [];
    await runInProcess(["exec", "s", "--", "x"], {
      access: withProcess(processHandle({ exitCode: 0 }), seen),
      isTerminal: true,
    });
    expect(seen[0]?.stdin).toBe("ignore");
  });

  test("a time limit is 8, our own failures 125, a missing command 2", async () => {
    const slow = withProcess(processHandle({ exitCode: 137, isTimedOut: true }));
    expect((await runInProcess(["exec", "s", "--timeout", "1s", "--", "x"], { access: slow })).code).toBe(8);
    expect((await runInProcess(["exec", "none", "--", "x"], { access: slow })).code).toBe(125);
    expect((await runInProcess(["exec", "s"], { access: slow })).code).toBe(2);
    expect((await runInProcess(["exec", "s", "ls"], { access: slow })).stderr).toContain(
      "put the command to run behind --",
    );
  });
});
