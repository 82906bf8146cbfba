import { settings } from "../../src/config.js";
import { flagOf, type Setting, variableOf } from "../../src/settings.js";

/** The settings as the README lists them. */
export function settingsTable(): string {
  const rows = Object.entries<Setting>(settings).map(
    ([name, setting]) => `| \`${flagOf(name)}\` | \`${variableOf(name)}\` | ${rangeOf(setting)} | ${setting.about} |`,
  );
  return ["| flag | variable | default | what for |", "|---|---|---|---|", ...rows].join("\n");
}

function rangeOf(setting: Setting): string {
  if (setting.kind === "number") return `${setting.default} (${setting.min} to ${setting.max})`;
  if (setting.kind === "choice") return setting.choices.map((choice) => `\`${choice}\``).join(", ");
  return `\`${setting.default}\``;
}
