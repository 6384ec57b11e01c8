import { loosePath } from "../policy/canonical-path.ts";
import { looseGlobs } from "../policy/path-glob.ts";
import type { ApiRoute } from "./ref-routes.ts";

/** The loose path without the prefix that a GitHub server of one's own puts before its API. */
export function apiPath(path: string): string {
  return loosePath(path).replace(/^\/api\/v3(?=\/)/, "");
}

/** True for a method and loose path that one of the routes names. */
export function compileRoutes(routes: readonly ApiRoute[]): (method: string, path: string) => boolean {
  const methods = new Set(routes.flatMap((route) => route.methods));
  const byMethod = new Map([...methods].map((method) => [method, looseGlobs(pathsOf(routes, method))]));
  return (method, path) => byMethod.get(method.toUpperCase())?.(path) === true;
}

function pathsOf(routes: readonly ApiRoute[], method: string): readonly string[] {
  return routes.filter(({ methods }) => methods.includes(method)).map(({ path }) => path);
}
