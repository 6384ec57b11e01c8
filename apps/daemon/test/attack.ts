import { afterAll, beforeAll, expect } from "vitest";

import { openRig, type DaemonRig } from "./daemon-rig.ts";
import { rawRequest } from "./raw-http.ts";

export type Header = readonly [string, string];

export interface Attack {
  /** Of the list of attacks that the daemon is measured by. */
  readonly id: string;
  readonly what: string;
  /** The bytes that are sent. */
  request(): string;
  readonly status: number | readonly number[];
}

/** A daemon of the file's tests. */
export interface AttackedDaemon {
  readonly rig: DaemonRig;
  /** What a well-meant request says. */
  readonly host: () => Header;
  readonly token: () => Header;
}

export const json: Header = ["Content-Type", "application/json"];
export const close: Header = ["Connection", "close"];
export const upgrade: readonly Header[] = [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
];

/** Opened before the tests of the file, closed after them. */
export function attackedDaemon(): AttackedDaemon {
  let rig: DaemonRig | undefined;
  beforeAll(async () => {
    rig = await openRig();
  });
  afterAll(() => rig?.close());
  const opened = (): DaemonRig => {
    if (rig === undefined) throw new Error("the daemon is attacked before it runs");
    return rig;
  };
  return {
    get rig() {
      return opened();
    },
    host: () => ["Host", `127.0.0.1:${opened().port}`],
    token: () => ["Authorization", `Bearer ${opened().token}`],
  };
}

/** Each is refused as said, its connection ended, nothing told; prints the table in numbers, which is part of the evidence. */
export async function expectNoneThrough({ rig }: AttackedDaemon, table: readonly Attack[]): Promise<void> {
  const through: string[] = [];
  const counts = new Map<string, number>();
  for (const attack of table) {
    const answer = await rawRequest(attack.request(), { port: rig.port, deadlineMs: 30_000 });
    const expected: readonly number[] = typeof attack.status === "number" ? [attack.status] : attack.status;
    const problems = [
      ...(expected.includes(answer.status) ? [] : [`answered ${answer.status}`]),
      ...(answer.isClosed ? [] : ["kept the socket"]),
      ...(/access-control-allow/i.test(answer.text) ? ["sent CORS headers"] : []),
      ...(answer.text.includes(rig.token) ? ["told the token"] : []),
    ];
    if (problems.length > 0) through.push(`${attack.id} ${attack.what}: ${problems.join(", ")}`);
    counts.set(attack.id, (counts.get(attack.id) ?? 0) + 1);
  }
  expect(through).toEqual([]);
  expect(await rig.client.sessions.list()).toEqual([]);
  const numbers = [...counts].map(([id, count]) => `${id} ${count}`).join(", ");
  process.stdout.write(`${table.length} attacks, 0 through: ${numbers}\n`);
}
