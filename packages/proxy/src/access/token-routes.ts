import type { RuleProtocol } from "../policy/proxy-types.ts";
import type { ApiRoute } from "./ref-routes.ts";

const anyMethod: readonly string[] = ["POST", "PUT", "PATCH", "GET"];
const writes: readonly string[] = ["POST", "PUT", "PATCH"];

/**
 * Routes that answer with a new credential. The session would hold it, so they are refused in every mode; a rule's `tokenAnswer` names those whose answers are
 * rewritten. Paths in lower case. Sources: docs.github.com/en/rest/apps, /rest/actions/self-hosted-runners, /rest/codespaces/secrets;
 * docs.npmjs.com/trusted-publishers and the registry's API; platform.openai.com/docs/api-reference (admin keys, realtime, chatkit); ai.google.dev/api/live#ephemeral-auth-tokens.
 */
export const tokenRoutes: Readonly<Record<RuleProtocol, readonly ApiRoute[]>> = {
  anthropic: [
    { methods: anyMethod, path: "/api/oauth/claude_cli/create_api_key" },
    { methods: anyMethod, path: "/v1/oauth/token" },
    { methods: writes, path: "/v1/organizations/api_keys/**" },
  ],
  openai: [
    { methods: writes, path: "/v1/organization/admin_api_keys/**" },
    { methods: writes, path: "/v1/organization/projects/*/service_accounts/**" },
    { methods: writes, path: "/v1/organization/projects/*/api_keys/**" },
    { methods: writes, path: "/v1/realtime/client_secrets" },
    { methods: writes, path: "/v1/realtime/sessions" },
    { methods: writes, path: "/v1/realtime/transcription_sessions" },
    { methods: writes, path: "/v1/chatkit/sessions" },
    { methods: anyMethod, path: "/oauth/token" },
    { methods: anyMethod, path: "/backend-api/accounts/**/api_keys" },
  ],
  gemini: [{ methods: writes, path: "/*/auth_tokens/**" }],
  "github-api": [
    { methods: writes, path: "/app/installations/*/access_tokens" },
    { methods: writes, path: "/app-manifests/*/conversions" },
    { methods: writes, path: "/applications/*/token/**" },
    { methods: writes, path: "/authorizations/**" },
    { methods: writes, path: "/user/keys/**" },
    { methods: writes, path: "/user/gpg_keys/**" },
    { methods: writes, path: "/repos/*/*/keys/**" },
    { methods: writes, path: "/**/actions/runners/registration-token" },
    { methods: writes, path: "/**/actions/runners/remove-token" },
    { methods: writes, path: "/**/actions/runners/generate-jitconfig" },
  ],
  git: [
    { methods: anyMethod, path: "/login/oauth/access_token" },
    { methods: anyMethod, path: "/login/device/code" },
  ],
  "package-registry": [
    { methods: writes, path: "/-/npm/v1/tokens/**" },
    { methods: writes, path: "/-/npm/v1/oidc/**" },
    { methods: anyMethod, path: "/-/v1/login/**" },
    { methods: anyMethod, path: "/-/v1/done/**" },
    { methods: writes, path: "/-/user/**" },
    { methods: writes, path: "/_/oidc/**" },
  ],
  "container-registry": [
    { methods: anyMethod, path: "/token" },
    { methods: anyMethod, path: "/v2/token" },
    { methods: anyMethod, path: "/oauth2/token" },
    { methods: anyMethod, path: "/v2/users/login" },
    { methods: anyMethod, path: "/v2/auth/token" },
    { methods: writes, path: "/v2/access-tokens/**" },
  ],
  http: [],
};
