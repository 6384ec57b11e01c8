/** Makes a sandbox and dies at the Nth request to the engine, before it or after its answer: `JSON`. */
import type { SandboxSpec } from "@clauderon/core/contract";
import { createHostContext } from "@clauderon/core/host";
import { createGuestProgram } from "@clauderon/guest";

import { EngineTransport, type EngineAnswer, type EngineRequest } from "../src/engine/engine-transport.ts";
import { createDockerBackend } from "../src/index.ts";

export interface CrashRequest {
  readonly homeDirectory: string;
  readonly instanceId: string;
  readonly guest: { readonly directory: string; readonly binaries: string };
  readonly image: string;
  readonly spec: SandboxSpec;
  readonly request: number;
  readonly isAfter: boolean;
}

const text = process.argv[2];
if (text !== undefined) await run(JSON.parse(text) as CrashRequest);

async function run({ request, isAfter, guest, image, spec, ...context }: CrashRequest): Promise<void> {
  let count = 0;
  type Ask = (this: EngineTransport, asked: EngineRequest) => Promise<EngineAnswer>;
  const original: Ask = Reflect.get(EngineTransport.prototype, "request");
  EngineTransport.prototype.request = async function counted(asked) {
    count += 1;
    const isLast = count === request;
    if (isLast && !isAfter) process.kill(process.pid, "SIGKILL");
    try {
      return await original.call(this, asked);
    } finally {
      if (isLast) process.kill(process.pid, "SIGKILL");
    }
  };
  const backend = createDockerBackend(createHostContext(context), {
    guest: createGuestProgram(guest),
    defaultImage: image,
    pullPolicy: "never",
  });
  await backend.create(spec);
  process.stdout.write("made\n");
  await backend.close();
}
