import type { StartSessionRequest } from "../contract/session.ts";
import { withoutSessionMarks } from "../host/without-session-marks.ts";
import type { Connector } from "./connection.ts";
import type { HttpClient } from "./http-client.ts";

/** Where calls go, and on whose behalf. */
export interface RemoteSource {
  readonly connector: Connector;
  readonly http: HttpClient;
  /** The caller's own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What a daemon cannot know of its caller: the environment, unless the request names one. */
export function withCallerEnvironment<Request extends StartSessionRequest>(
  request: Request,
  environment: Readonly<Record<string, string | undefined>>,
): Request {
  return { ...request, callerEnvironment: request.callerEnvironment ?? withoutSessionMarks(environment) };
}
