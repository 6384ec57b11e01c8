import { encodePktLine, flushPacket } from "./pkt-line.ts";

/** A whole answer to the client, made without asking the upstream. */
export interface PushAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface RejectedRef {
  /** The ref's bytes as Latin-1. */
  readonly ref: string;
  /** One line: git prints it in brackets behind the ref. */
  readonly reason: string;
}

export interface PushReport {
  readonly rejected: readonly RejectedRef[];
  readonly capabilities: readonly string[];
  /** Lines that git prints after `remote: `. */
  readonly remarks: readonly string[];
}

/** What a server answers that rejects every ref (gitprotocol-pack, "Report Status"): git prints ` ! [remote rejected] … (reason)`. */
export function pushReport({ rejected, capabilities, remarks }: PushReport): PushAnswer {
  const isReported = capabilities.some((name) => name === "report-status" || name === "report-status-v2");
  if (!isReported) return plainAnswer([...rejected.map(({ reason }) => reason), ...remarks]);
  const report = Buffer.concat([
    encodePktLine(Buffer.from("unpack ok\n")),
    ...rejected.map(({ ref, reason }) => encodePktLine(Buffer.from(`ng ${ref} ${reason}\n`, "latin1"))),
    flushPacket,
  ]);
  const band = bandOf(capabilities);
  if (band === undefined) return gitAnswer("git-receive-pack-result", report);
  const remark = remarks.map((line) => `${line}\n`).join("");
  return gitAnswer(
    "git-receive-pack-result",
    Buffer.concat([...inBand(2, Buffer.from(remark), band), ...inBand(1, report, band), flushPacket]),
  );
}

/** For `GET …/info/refs?service=git-receive-pack`: git prints `fatal: remote error: message`. */
export function receivePackDenied(message: string): PushAnswer {
  const line = message.replaceAll(/[^ -~]+/g, " ");
  return gitAnswer(
    "git-receive-pack-advertisement",
    Buffer.concat([
      encodePktLine(Buffer.from("# service=git-receive-pack\n")),
      flushPacket,
      encodePktLine(Buffer.from(`ERR ${line}\n`)),
    ]),
  );
}

/** For clients that asked for no report. */
export function plainAnswer(lines: readonly string[]): PushAnswer {
  const body = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  return { status: 403, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" }, body };
}

function gitAnswer(type: string, body: Uint8Array): PushAnswer {
  return { status: 200, headers: { "content-type": `application/x-${type}`, "cache-control": "no-cache" }, body };
}

/** The payload that fits into one packet of the side band. */
function bandOf(capabilities: readonly string[]): number | undefined {
  if (capabilities.includes("side-band-64k")) return 65515;
  return capabilities.includes("side-band") ? 995 : undefined;
}

function inBand(band: 1 | 2, bytes: Buffer, size: number): readonly Buffer[] {
  const packets: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += size) {
    packets.push(encodePktLine(Buffer.concat([Buffer.from([band]), bytes.subarray(start, start + size)])));
  }
  return packets;
}
