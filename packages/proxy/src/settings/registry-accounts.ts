import { formatAuthority, parseAuthority } from "../policy/canonical-host.ts";
import { canonicalPath } from "../policy/canonical-path.ts";
import { isRefusal } from "../policy/refusal.ts";
import type { RegistryAccount } from "../rules/container-registries.ts";
import type { RegistrySettings } from "./proxy-settings-schema.ts";
import { settingsFault, type SettingsText } from "./settings-fault.ts";

const secretName = /^[a-z0-9][a-z0-9._-]{0,99}$/;
const userName = /^[\u0021-\u0039\u003b-\u007e]{1,200}$/;

/** The `[registries]` of proxy.toml, checked. Throws `settings.invalid` with the line of the first fault. */
export function registryAccounts(
  entries: Readonly<Record<string, RegistrySettings>>,
  file: SettingsText,
): Readonly<Record<string, RegistryAccount>> {
  const accounts = Object.entries(entries).map(([host, entry]) => accountAt(host, entry, file));
  for (const [index, [host, { tokenUrl }]] of accounts.entries()) {
    const other = accounts.slice(0, index).find(([, account]) => account.tokenUrl === tokenUrl)?.[0];
    if (tokenUrl !== undefined && other !== undefined)
      throw settingsFault(file, ["registries", host, "token_url"], {
        message: `${other} and ${host} have the same token_url`,
        fix: "name one of them: which login is sent there would depend on their order",
      });
  }
  return Object.fromEntries(accounts);
}

function accountAt(host: string, entry: RegistrySettings, file: SettingsText): readonly [string, RegistryAccount] {
  const fault = (key: string | undefined, message: string, fix: string): Error =>
    settingsFault(file, key === undefined ? ["registries", host] : ["registries", host, key], { message, fix });
  const authority = parseAuthority(host, 443);
  if (isRefusal(authority))
    throw fault(
      undefined,
      `"${host.slice(0, 100)}" in registries is not a host`,
      "write registry.example.com, or with a port",
    );
  const { username, secret, token_url: tokenUrl } = typeof entry === "string" ? { username: entry } : entry;
  if (!userName.test(username))
    throw fault(
      "username",
      `the account of ${host} has characters it cannot have`,
      "write it without colon and spaces",
    );
  if (secret !== undefined && !secretName.test(secret))
    throw fault("secret", "this is not the name of a secret", "see the names: clauderon config credentials list");
  if (tokenUrl !== undefined && !isTokenUrl(tokenUrl))
    throw fault(
      "token_url",
      `token_url of ${host} is not a URL of a token service`,
      "write https://, host and path, as the registry's realm names it",
    );
  return [formatAuthority(authority, 443), { username, secret, tokenUrl }];
}

function isTokenUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "https:" || url.search + url.hash + url.username + url.password !== "")
    return false;
  return url.pathname.length > 1 && canonicalPath(url.pathname) === url.pathname && !url.pathname.includes("*");
}
