import path from "node:path";

/** The request with its path absolute: the daemon runs in another directory. Addresses (`scheme://…`, `user@host:path`) stay. */
export function withAbsoluteRepository<Request extends { readonly repository?: string | undefined }>(
  request: Request,
): Request {
  const { repository } = request;
  if (repository === undefined) return request;
  const isAddress = /^[a-z][a-z0-9+.-]*:/i.test(repository) || /^[^/\s:]+@[^/\s:]+:/.test(repository);
  return isAddress ? request : { ...request, repository: path.resolve(repository) };
}
