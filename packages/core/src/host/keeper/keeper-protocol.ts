import type { Socket } from "node:net";

import type { ClauderonErrorJson } from "../../contract/errors/clauderon-error.ts";
import type { ProcessExit, TerminalSize } from "../../contract/process.ts";
import type { AgentLaunch, AgentProcessStatus } from "../../contract/sandbox.ts";

/** Where a keeper listens. The token is the right to speak to it. */
export interface KeeperAddress {
  readonly processId: number;
  readonly port: number;
  readonly token: string;
}

/** What a keeper is told when it starts; held in its memory alone. */
export interface KeeperConfiguration {
  readonly token: string;
  /** It ends when this directory is gone. */
  readonly directory: string;
  /** Value of the marker variable of everything it starts. */
  readonly marker: string;
  /** Where the agent starts. */
  readonly workspacePath: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly keptOutputBytes: number;
}

/** One line each way, answered in order; `attach` turns the connection into a stream of events. */
export type KeeperRequest =
  | { readonly do: "status" }
  | { readonly do: "environment" }
  | { readonly do: "suspend" }
  | { readonly do: "resume"; readonly environment?: Readonly<Record<string, string>> | undefined }
  | { readonly do: "launch"; readonly launch: AgentLaunch; readonly isKnown: boolean }
  | { readonly do: "text"; readonly lines: number }
  | { readonly do: "exit" }
  | { readonly do: "attach"; readonly since: number; readonly size?: TerminalSize | undefined }
  | { readonly do: "input"; readonly data: string }
  | { readonly do: "resize"; readonly size: TerminalSize }
  | { readonly do: "pause"; readonly viewerId: number; readonly isPaused: boolean }
  | { readonly do: "shutdown" };

export type KeeperAnswer = { readonly result: unknown } | { readonly error: ClauderonErrorJson };

export type KeeperEvent =
  | { readonly event: "attached"; readonly viewerId: number }
  | {
      readonly event: "output";
      readonly sequence: number;
      readonly data: string;
      readonly source: "stdout" | "stderr";
      readonly isReplay: boolean;
    }
  | { readonly event: "end"; readonly exit: ProcessExit };

export interface KeeperStatus {
  readonly isSuspended: boolean;
  readonly agent: Omit<AgentProcessStatus, "startedAt"> & { readonly startedAt?: string | undefined };
}

export function sendLine(socket: Socket, value: unknown): boolean {
  return socket.write(`${JSON.stringify(value)}\n`);
}

/** Values sent with `sendLine`, with back-pressure. */
export async function* receiveLines(socket: Socket): AsyncGenerator<unknown, void, undefined> {
  const pieces: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let rest = chunk;
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      pieces.push(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      yield JSON.parse(Buffer.concat(pieces.splice(0)).toString("utf8")) as unknown;
    }
    if (rest.length > 0) pieces.push(rest);
  }
}
