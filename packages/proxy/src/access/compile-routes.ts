import { loosePath } from "../policy/canonical-path.ts";
import { looseGlob } from "../policy/path-glob.ts";
import type { ApiRoute } from "./ref-routes.ts";

/** The loose path without the prefix that a GitHub server of one's own puts before its API. */
export function apiPath(path: string): string {
  return loosePath(path).replace(/^\/api\/v3(?=\/)/, "");
}

/** True for a method and loose path that one of the routes names. */
export function compileRoutes(routes: readonly ApiRoute[]): (method: string, path: string) => boolean {
  const compiled = routes.map(({ methods, path }) => ({ methods, matches: looseGlob(path) }));
  return (method, path) => {
    const upper = method.toUpperCase();
    return compiled.some((route) => route.methods.includes(upper) && route.matches(path));
  };
}
