export { getSetting, listSettings } from "./get-setting.ts";
export { loadSettings, type LoadSettingsOptions } from "./load-settings.ts";
export { setSetting } from "./set-setting.ts";
export type { AgentSettings, BackendSettings, SettingOrigin, Settings, SettingValue } from "./settings.ts";
export { homeDirectory, settingsPath } from "./settings-paths.ts";
