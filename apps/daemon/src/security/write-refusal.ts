import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

import type { ClauderonError } from "@clauderon/core/contract";
import { PROBLEM_TYPE, toProblem } from "@clauderon/core/wire";

import { securityHeaders } from "./security-headers.ts";

const FREE_MS = 1000;

/** Answers on a bare socket and frees it, whether or not the other side reads. */
export function writeRefusal(
  socket: Duplex,
  refusal: { readonly status: number; readonly error: ClauderonError },
): void {
  const body = `${JSON.stringify(toProblem(refusal.error, refusal.status))}\n`;
  const lines = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ""}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.on("error", () => socket.destroy());
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
  setTimeout(() => socket.destroy(), FREE_MS).unref();
}
