import path from "node:path";

import type { CreateSessionRequest } from "../contract/session.ts";

/** The request with its path absolute: the daemon runs in another directory. Addresses (`scheme://…`, `user@host:path`) stay. */
export function withAbsoluteRepository(request: CreateSessionRequest): CreateSessionRequest {
  const { repository } = request;
  const isAddress = /^[a-z][a-z0-9+.-]*:/i.test(repository) || /^[^/\s:]+@[^/\s:]+:/.test(repository);
  return isAddress ? request : { ...request, repository: path.resolve(repository) };
}
