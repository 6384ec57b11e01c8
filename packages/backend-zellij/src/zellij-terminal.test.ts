import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { AgentProcessStatus, TerminalStream } from "@clauderon/core/contract";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { openZellijTerminal } from "./zellij-terminal.ts";

/** What zellij 0.44.3 writes before its server knows the client, shortened. */
const beginning = String.raw`\033[?1049h\033[?1l\033=\033[r\033[?1000l\033[>1u\033[?2031h\033[?996n\033[?2004h\033[?1000h\033[14t\033]11;?\033\\`;
const drawing = String.raw`\033[?25l\033[2J\033[1;1H\033[mready`;
const farewell = String.raw`\033[<1u\033[?2031l\033[?1049l\033[m\033[?25h\033[24;1HYour zellij client lost connection\n`;

/** A client whose server is slow to know it: keys that come until there was none for a second are read and dropped. */
const slow = `stty raw -echo min 0 time 10
printf '${beginning}'
cat >/dev/null
stty raw -echo
printf '${drawing}'
head -c 6 > heard.new && mv heard.new heard
exec sleep 1000`;
/** A client that is turned away the first time. */
const turnedAway = `printf x >> attached
printf '${beginning}'
if [ "$(cat attached)" = x ]; then printf '${farewell}'; exit 0; fi
printf '${drawing}'
exec sleep 1000`;
const gone = `printf x >> attached; printf '${beginning}${farewell}'`;
const mute = `printf '${beginning}'; exec sleep 1000`;

describe("a terminal of zellij", () => {
  let directory: string;
  const opened: TerminalStream[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "terminal-"));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((stream) => stream.close()));
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  });

  const open = async (
    client: string,
    options: { readonly isAgentRunning?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<TerminalStream> => {
    const program = join(directory, "client");
    await writeFile(program, `#!/bin/sh\n${client}\n`);
    await chmod(program, 0o755);
    const stream = await openZellijTerminal({
      program,
      args: [],
      cwd: directory,
      environment: { PATH: process.env["PATH"] ?? "" },
      size: { columns: 80, rows: 24 },
      agentEnd: (signal) =>
        new Promise<AgentProcessStatus>((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
      isAgentRunning: () => options.isAgentRunning ?? true,
      write: async () => [],
      signal: options.signal,
    });
    opened.push(stream);
    return stream;
  };
  const content = (name: string): Promise<string> => readFile(join(directory, name), "utf8");

  it("loses nothing of what is typed at once", { timeout: 60_000 }, async () => {
    const stream = await open(slow);
    await stream.input(new TextEncoder().encode("first\r"));
    expect(await vi.waitFor(() => content("heard"), { timeout: 20_000 })).toBe("first\r");
  });

  it("is opened again when zellij turned it away while the agent runs", async () => {
    const stream = await open(turnedAway);
    expect(await content("attached")).toBe("xx");
    const reader = stream.output[Symbol.asyncIterator]();
    const { value } = await reader.next();
    expect(Buffer.from(value?.bytes ?? []).toString()).toContain("\u001b[?1049h");
  });

  it("is not opened again when the agent has ended, and not for ever", async () => {
    const ended = await open(gone, { isAgentRunning: false });
    expect(await content("attached")).toBe("x");
    expect(await ended.ended).toBeUndefined();
    await open(gone);
    expect(await content("attached")).toBe("xxxxxx");
  });

  it("stops waiting for the first drawing with the signal, and ends the client", async () => {
    const reason = new Error("enough");
    const abort = new AbortController();
    const opening = open(mute, { signal: abort.signal });
    abort.abort(reason);
    await expect(opening).rejects.toBe(reason);
  });
});
