import { once } from "node:events";
import { request as askNode } from "node:http";
import { connect, type Socket } from "node:net";

import { Http1Pool } from "../http1-pool.ts";
import type { RecordingUpstream } from "./recording-upstream.fixture.ts";

/** What became of a request. */
export interface Asked {
  /** What went wrong; `undefined` = a whole answer. */
  readonly code: string | undefined;
  readonly status: number;
  readonly body: string;
  readonly interim: readonly number[];
  readonly trailers: unknown;
}

export interface AskingPool {
  readonly pool: Http1Pool;
  readonly dials: () => number;
  ask(path: string, method?: string): Promise<Asked>;
}

/** A pool on the upstream that says what came of each request. */
export function createAskingPool({ port }: RecordingUpstream): AskingPool {
  return createDialingPool(async () => {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    return socket;
  });
}

/** The same over connections of the test's own: one, and another when that is gone. */
export function createDialingPool(dial: () => Promise<Socket>): AskingPool {
  let dials = 0;
  const pool = new Http1Pool({
    connections: 1,
    headerBytes: 1000,
    answerHeadMs: 20_000,
    keepMs: 4000,
    async dial() {
      dials += 1;
      return dial();
    },
  });
  const ask = async (path: string, method = "GET"): Promise<Asked> =>
    new Promise((resolve) => {
      const seen = { status: 0, body: "", interim: [] as number[], trailers: {} as unknown };
      pool.dispatch(
        { method, path, headers: ["host", "api.test"], body: null },
        {
          onRequestStart: () => undefined,
          onResponseStart(_controller, status) {
            if (status < 200) seen.interim.push(status);
            else seen.status = status;
          },
          onResponseData(_controller, chunk) {
            seen.body += chunk.toString("latin1");
          },
          onResponseEnd(_controller, trailers) {
            resolve({ ...seen, code: undefined, trailers });
          },
          onResponseError: (_controller, error) =>
            resolve({ ...seen, code: (error as Error & { code?: string }).code ?? error.message }),
        },
      );
    });
  return { pool, dials: () => dials, ask };
}

/** The same question asked by Node's own client, which reads with llhttp. */
export async function askWithNode({ port }: RecordingUpstream, path: string, method = "GET"): Promise<Asked> {
  return new Promise((resolve) => {
    const seen = { status: 0, body: "", interim: [] as number[], trailers: {} as unknown };
    const fail = (error: Error & { code?: string }): void => resolve({ ...seen, code: error.code ?? error.message });
    const request = askNode({ host: "127.0.0.1", port, path, method, agent: false, headers: { host: "api.test" } });
    request.on("information", ({ statusCode }) => seen.interim.push(statusCode));
    request.on("upgrade", (_answer, socket) => {
      socket.destroy();
      fail(new Error("upgraded"));
    });
    request.on("error", fail);
    request.on("response", (answer) => {
      seen.status = answer.statusCode ?? 0;
      answer.on("data", (chunk: Buffer) => {
        seen.body += chunk.toString("latin1");
      });
      answer.on("error", fail);
      answer.on("close", () => {
        if (answer.complete) resolve({ ...seen, code: undefined, trailers: answer.trailers });
        else fail(new Error("cut"));
      });
    });
    request.end();
  });
}
