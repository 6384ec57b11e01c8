import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { ProcessHandle, Sandbox } from "@clauderon/core/contract";

import { syncLimits, type SyncLimits } from "../src/private/fetch-sandbox.ts";
import { syncPrivate } from "../src/private/sync-private.ts";
import { sendRemote } from "../src/remote/send-remote.ts";
import { createUserSettings } from "../src/user-settings.ts";
import { snapshot } from "./git-fixture.ts";
import { type FarSandbox, type RemoteSession, toolsOf } from "./remote-fixture.ts";

type Bytes = ReadableStream<Uint8Array>;

/** What git's own protocol carries, changed on the way out of the sandbox. */
export function meddling(
  sandbox: FarSandbox,
  service: "upload-pack" | "receive-pack",
  meddle: (stdout: Bytes) => Bytes,
): Pick<Sandbox, "exec"> {
  return {
    exec: async (argv, options): Promise<ProcessHandle> => {
      const handle = await sandbox.exec(argv, options);
      return argv.includes(service)
        ? { ...handle, stdout: meddle(handle.stdout), kill: (signal) => handle.kill(signal) }
        : handle;
    },
  };
}

/** The sandbox is lost after so many bytes of the transfer into it. */
export function cutOnTheWayIn(sandbox: FarSandbox, count: number): Pick<Sandbox, "exec"> {
  return {
    exec: async (argv, options): Promise<ProcessHandle> => {
      const handle = await sandbox.exec(argv, options);
      if (!argv.includes("receive-pack")) return handle;
      const writer = handle.stdin.getWriter();
      let left = count;
      const stdin = new WritableStream<Uint8Array>({
        write: async (chunk) => {
          if (left > 0) await writer.write(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0) await handle.kill("SIGKILL");
        },
        close: () => writer.close(),
      });
      return { ...handle, stdin, kill: (signal) => handle.kill(signal) };
    },
  };
}

/** Only so many programs can be started inside; then it is gone. */
export function goneAfter(
  sandbox: FarSandbox,
  count: number,
): Pick<Sandbox, "exec"> & { readonly wasReached: () => boolean } {
  let started = 0;
  return {
    wasReached: () => started > count,
    exec: async (argv, options) => {
      started += 1;
      if (started > count) throw new Error("the sandbox is gone");
      return sandbox.exec(argv, options);
    },
  };
}

export function cutAfter(count: number, end: "close" | "stall"): (stdout: Bytes) => Bytes {
  return (stdout) => {
    let left = count;
    const transform = new TransformStream<Uint8Array, Uint8Array>({
      transform: async (chunk, controller) => {
        if (left > 0) controller.enqueue(chunk.subarray(0, left));
        left -= chunk.length;
        if (left > 0) return;
        if (end === "close") controller.terminate();
        else await new Promise<never>(() => undefined);
      },
    });
    stdout.pipeTo(transform.writable).catch(() => undefined);
    return transform.readable;
  };
}

/** Says this in place of what git says, again and again. */
export function saying(first: string, again: string): (stdout: Bytes) => Bytes {
  return (stdout) => {
    void stdout.cancel();
    let isFirst = true;
    const repeated = Buffer.from(again.repeat(1000), "latin1");
    return new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (isFirst) controller.enqueue(Buffer.from(first, "latin1"));
        else if (again === "") controller.close();
        else controller.enqueue(repeated);
        isFirst = false;
      },
    });
  };
}

export interface FaultCall {
  readonly sandbox?: Pick<Sandbox, "exec">;
  readonly limits?: Partial<SyncLimits>;
  readonly signal?: AbortSignal;
}

export async function syncWith(session: RemoteSession, call: FaultCall): Promise<unknown> {
  const { sandbox = session.sandbox, limits, signal } = call;
  const options = { sandbox, limits: { ...syncLimits, ...limits }, signal };
  return syncPrivate(toolsOf(session.world), session.record, options);
}

export async function sendWith(session: RemoteSession, call: FaultCall): Promise<void> {
  const tools = toolsOf(session.world);
  const { sandbox = session.sandbox, limits, signal } = call;
  const settings = createUserSettings(tools.git);
  await sendRemote(tools, session.record, { sandbox, settings, limits: { ...syncLimits, ...limits }, signal });
}

/** Everything on this machine that a sync moves: references, HEAD, index, the copy's files, and those of the user's repository. */
export function stateHere({ host, record, world }: RemoteSession): unknown {
  const files = Object.entries(snapshot(record.path, false)).filter(([name]) => !name.startsWith("/.git/"));
  return [
    host("for-each-ref"),
    readFileSync(join(record.privateDirectory ?? "", "outside", "HEAD"), "utf8"),
    host("ls-files", "--stage", "-t"),
    files,
    world.git(["for-each-ref"]),
  ];
}

/** Everything inside that counts: no branch, tag or remote branch is there before all of them are. */
export function refsInside({ workspacePath }: FarSandbox): string {
  const args = ["for-each-ref", "--format=%(refname)"];
  return execFileSync("git", args, { cwd: workspacePath, encoding: "utf8", env: { PATH: process.env["PATH"] ?? "" } });
}
