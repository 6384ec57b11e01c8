import { createInterface } from "node:readline";

/** What a peer has to do: put a credential into requests for these hosts, and refuse every other host. */
export interface PeerTask {
  readonly rules: readonly PeerRule[];
  /** PEM of the authority that the upstreams' certificates come from, and of a key and certificate to answer clients with. */
  readonly authority: string;
  readonly key: string;
  readonly certificate: string;
  /** Where files may be written. */
  readonly directory: string;
  /** Where a relay leads what is for nobody it knows. */
  readonly elsewhere: { readonly [host: string]: number };
  readonly insidePort: number;
}

export interface PeerRule {
  readonly host: string;
  /** Of the upstream that stands for the host, on localhost. */
  readonly port: number;
  readonly header: string;
  readonly value: string;
}

/** Headers in which clients send credentials of their own. */
export const credentialHeaders: readonly string[] = [
  "authorization",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  "private-token",
  "cookie",
];

/** The task comes as one line on standard input; the port is told on standard output. */
export async function readTask(): Promise<PeerTask> {
  const { value } = await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
  return JSON.parse(String(value)) as PeerTask;
}

/** Says where the peer listens, and ends with whoever started it. */
export function announce(port: number): void {
  process.stdout.write(`${port}\n`);
  process.stdin.on("end", () => process.exit(0));
  process.stdin.resume();
  // A peer that falls over at one attack is still there for the next.
  process.on("uncaughtException", () => undefined);
  process.on("unhandledRejection", () => undefined);
}
