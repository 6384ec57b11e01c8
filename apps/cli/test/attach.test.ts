import { spawn as spawnPty, type IPty } from "@lydell/node-pty";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { eventually } from "./eventually.ts";
import { Installation, mainProgram } from "./installation.ts";

const SLOW = 120_000;
const DETACH = "\u001c";
let here: Installation;

beforeAll(async () => {
  here = await Installation.create();
  expect((await here.call(["create", "one", "-p", "hello"])).code).toBe(0);
}, SLOW);

afterAll(async () => {
  await here[Symbol.asyncDispose]();
}, SLOW);

interface Terminal {
  readonly pty: IPty;
  readonly pid: number;
  output(): string;
  until(text: string): Promise<void>;
  readonly exit: Promise<number>;
}

/** A shell's place: `stty` after the command tells in which state it has left the terminal. */
function terminal(...args: string[]): Terminal {
  const pty = spawnPty(
    "/bin/sh",
    ["-c", '"$@"; echo "code=$?"; stty -a | tr ";" "\\n" | grep -E "icanon|echo " ', "sh", ...mainProgram, ...args],
    {
      cols: 90,
      rows: 30,
      cwd: here.repository,
      env: here.environment,
    },
  );
  let text = "";
  pty.onData((data) => (text += data));
  const exit = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode }) => {
      resolve(exitCode);
    });
  });
  return {
    pty,
    pid: pty.pid,
    output: () => text,
    until: async (wanted) => {
      await eventually(() => (text.includes(wanted) ? true : undefined), `${wanted} in ${JSON.stringify(text)}`);
    },
    exit,
  };
}

/** The process of the command itself, the child of the shell. */
async function commandPid(view: Terminal): Promise<number> {
  const { stdout } = await here.program(["ps", "-o", "pid=", "--ppid", String(view.pid)]);
  return Number(stdout.trim().split(/\s+/)[0]);
}

function expectRestored(output: string): void {
  // `stty` prints a leading "-" for what is off.
  expect(output).toMatch(/(?<!-)icanon/);
  expect(output).toMatch(/(?<!-)echo /);
  for (const mode of ["?1003l", "?1006l", "?2004l", "?25h"]) expect(output).toContain(`\u001b[${mode}`);
}

describe("attach", { timeout: SLOW }, () => {
  test("shows what was before, passes keys and Ctrl-C on, resizes once, detaches", async () => {
    const view = terminal("attach", "one");
    await view.until("task: hello");
    view.pty.write("abc");
    await view.until('read "abc"');
    view.pty.write("\u0003");
    await eventually(() => (/got SIGINT|read "\\u0003"/.test(view.output()) ? true : undefined), "Ctrl-C at the agent");
    view.pty.resize(100, 40);
    await view.until("size 100x40");
    view.pty.write(DETACH);
    await view.until("code=0");
    await view.exit;
    expect(view.output().split("size 100x40")).toHaveLength(2);
    expect(view.output()).toContain("detach: Ctrl-\\");
    expectRestored(view.output());
    expect((await here.call(["status", "one", "-q"])).stdout).toBe("running\n");
  });

  test.each(["SIGTERM", "SIGHUP", "SIGINT"] as const)("%s puts the terminal back", async (signal) => {
    const view = terminal("attach", "one");
    await view.until("task: hello");
    view.pty.write("modes");
    await view.until("modes on");
    process.kill(await commandPid(view), signal);
    await view.until("code=");
    await view.exit;
    expect(view.output()).toContain(`code=${{ SIGTERM: 143, SIGHUP: 129, SIGINT: 130 }[signal]}`);
    expect(view.output()).toContain("\u001b[?1049l");
    expectRestored(view.output());
  });

  test("kill -9 of the daemon: the view comes back by itself, and detaching restores the terminal", async () => {
    const view = terminal("attach", "one");
    await view.until("task: hello");
    process.kill(await here.daemonPid(), "SIGKILL");
    await view.until("connecting again");
    view.pty.write("after");
    await view.until('read "after"');
    view.pty.write(DETACH);
    await view.until("code=0");
    await view.exit;
    expectRestored(view.output());
  });

  test("--read-only passes nothing on; detach from elsewhere ends every view", async () => {
    const view = terminal("attach", "one", "--read-only");
    await view.until("task: hello");
    view.pty.write("ignored");
    const other = terminal("attach", "one");
    await other.until("task: hello");
    other.pty.write("typed");
    await view.until('read "typed"');
    expect(view.output()).not.toContain('read "ignored"');
    expect((await here.call(["detach", "one"])).stderr).toBe("Disconnected 2 viewers of one\n");
    await Promise.all([view.until("code=0"), other.until("code=0")]);
    await Promise.all([view.exit, other.exit]);
    expectRestored(view.output());
  });

  test("exec -it gives the command a terminal and leaves ours as it was", async () => {
    const view = terminal(
      "exec",
      "one",
      "-it",
      "--",
      "node",
      "-e",
      'process.stdin.setRawMode(true); process.stdout.write(`tty ${process.stdin.isTTY} ${process.stdout.columns} `); process.stdin.once("data", (key) => process.exit(key[0]))',
    );
    await view.until("tty true 90");
    view.pty.write("\u0003");
    await view.until("code=3");
    await view.exit;
    expect(view.output()).toMatch(/(?<!-)icanon/);
  });

  test("the agent's end ends the view", async () => {
    const view = terminal("attach", "one");
    await view.until("task: hello");
    view.pty.write("exit 7");
    await view.until("The agent has ended with 7");
    await view.until("code=0");
    await view.exit;
    expectRestored(view.output());
  });

  test("without a terminal: 2", async () => {
    const { code, stderr } = await here.call(["attach", "one"]);
    expect(code).toBe(2);
    expect(stderr).toContain("attach needs a terminal");
  });

  test("with NO_COLOR nothing is coloured on a terminal either", async () => {
    const pty = spawnPty(mainProgram[0], [...mainProgram.slice(1), "list"], {
      cwd: here.repository,
      env: { ...here.environment, NO_COLOR: "x" },
    });
    let text = "";
    pty.onData((data) => (text += data));
    await new Promise<void>((resolve) => {
      pty.onExit(() => {
        resolve();
      });
    });
    expect(text).toContain("NAME");
    expect(text).not.toContain("\u001b");
  });
});
