/** Borrows once and dies by SIGKILL at the point it is told; prints how many points there are when it gets through. */
import type { CommandRunner } from "@clauderon/core/contract";
import { createCommandRunner } from "@clauderon/core/host";

import { createWorkspaces, type MirrorRequest } from "../src/index.ts";
import { wrappedFileSystem } from "./faulty-file-system.ts";

interface Task {
  readonly homeDirectory: string;
  readonly instanceId: string;
  readonly environment: Record<string, string>;
  readonly request: MirrorRequest;
  readonly dieAt: number;
}

const task = JSON.parse(process.argv[2] ?? "") as Task;
let passed = 0;

function point(): void {
  passed += 1;
  if (passed === task.dieAt) process.kill(process.pid, "SIGKILL");
}

async function between<Value>(call: () => Promise<Value>): Promise<Value> {
  point();
  const result = await call();
  point();
  return result;
}

const real = createCommandRunner();
const runner: CommandRunner = {
  run: (program, args, options) =>
    between(async () => {
      const running = real.run(program, args, options);
      // The program runs on when this process dies here.
      setImmediate(point);
      return running;
    }),
  stream: (program, args, options) => real.stream(program, args, options),
};
const { mirrors } = createWorkspaces({
  homeDirectory: task.homeDirectory,
  instanceId: task.instanceId,
  environment: task.environment,
  runner,
  fileSystem: wrappedFileSystem((_, call) => between(call)),
});
await mirrors.borrow(task.request);
await mirrors.release(task.request.sessionId);
process.stdout.write(String(passed));
