import type { SecretSource } from "../secrets/create-secret-source.ts";

/** A source that is whichever one the settings of the moment ask for. */
export function liveSecretSource(current: () => SecretSource): SecretSource {
  return {
    has: (name) => current().has(name),
    get: async (name) => current().get(name),
    ready: (name) => current().ready(name),
    list: async () => current().list(),
    describe: (name) => current().describe(name),
    nameOf: (name) => current().nameOf(name),
    set: async (name, value, options) => current().set(name, value, options),
    remove: async (name) => current().remove(name),
    importable: () => current().importable(),
    refresh: () => current().refresh(),
  };
}
