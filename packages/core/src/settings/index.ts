export { getSetting, listSettings } from "./get-setting.ts";
export { loadSettings } from "./load-settings.ts";
export { setSetting } from "./set-setting.ts";
export type { Settings } from "./settings.ts";
export { homeDirectory, settingsPath } from "./settings-paths.ts";
