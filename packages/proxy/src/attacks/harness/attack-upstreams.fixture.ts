import { startHttp2Upstream, type Http2Upstream } from "../../transport/testing/http2-upstream.fixture.ts";
import {
  answerOk,
  startRecordingUpstream,
  type RecordingUpstream,
} from "../../transport/testing/recording-upstream.fixture.ts";

/** Everything that an attack could reach, recording each byte. */
export interface AttackUpstreams extends AsyncDisposable {
  /** Stands for the hosts that have a rule. */
  readonly gateway: RecordingUpstream;
  /** Stands for a host that has HTTP/2. */
  readonly http2: Http2Upstream;
  /** Stands for a host of the attacker. */
  readonly evil: RecordingUpstream;
  /** Stands for what listens on this machine. */
  readonly inside: RecordingUpstream;
  clear(): void;
  /** What any of them got, since it was cleared; of what may come late only if it is asked for. */
  seen(options?: { readonly withLate: boolean }): string;
}

/** Where a request is sent to that the client loses before it may be on its way: it can come when the next case is tried already. */
export const latePath = "/late";

/** Starts them. */
export async function startAttackUpstreams(): Promise<AttackUpstreams> {
  await using stack = new AsyncDisposableStack();
  const gateway = stack.use(await startRecordingUpstream({ name: "localhost" }));
  const http2 = stack.use(await startHttp2Upstream());
  const evil = stack.use(await startRecordingUpstream({ name: "localhost" }));
  const inside = stack.use(await startRecordingUpstream({ isPlain: true }));
  const open = stack.move();
  let insideBefore = 0;
  return {
    gateway,
    http2,
    evil,
    inside,
    clear() {
      for (const recorder of [gateway, evil, inside]) {
        recorder.clear();
        recorder.respond = answerOk;
      }
      http2.calls.length = 0;
      insideBefore = inside.connections.length;
    },
    seen({ withLate } = { withLate: false }) {
      const calls = http2.calls
        .filter(({ headers }) => withLate || headers[":path"]?.startsWith(`${latePath}/`) !== true)
        .map(({ headers }) => JSON.stringify(headers))
        .join("\n");
      const isConnected = inside.connections.length > insideBefore;
      const own = gateway.connections.filter(({ text }) => withLate || !text.startsWith(`POST ${latePath} `));
      return `${own.map(({ text }) => text).join("")}${evil.text}${isConnected ? `[connected]${inside.text}` : ""}${calls}`;
    },
    async [Symbol.asyncDispose]() {
      await open.disposeAsync();
    },
  };
}
