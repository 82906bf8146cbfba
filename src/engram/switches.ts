/** The switches for tests: which fault is on, which personality is served, and how much was asked of it. */
import { type Faults, parseFault } from "./faults.js";
import {
  type Answer,
  type Call,
  detail,
  isObject,
  jsonOf,
  ok,
  type PersonalityName,
  personalityNames,
  type Route,
} from "./route.js";
import type { Stats } from "./stats.js";

/** What the switches switch. */
interface Switched {
  readonly faults: Faults;
  readonly stats: Stats;
  /** The personality that is served. */
  readonly served: { personality: PersonalityName };
}

export function switchRoutes({ faults, stats, served }: Switched): readonly Route[] {
  const switchPersonality = (call: Call): Answer => {
    const body = jsonOf(call)?.value;
    const wanted = personalityNames.find((name) => isObject(body) && body["personality"] === name);
    if (wanted === undefined) return detail(400, `personality must be one of ${personalityNames.join(", ")}`);
    served.personality = wanted;
    return ok({ personality: wanted });
  };
  return [
    { method: "GET", path: "/_fault", about: "The fault that is on.", handle: () => ok(faults.current) },
    {
      method: "PUT",
      path: "/_fault",
      about: 'Switches a fault on: {"fault":"slow","delayMs":200}. Answers the one that is on then.',
      handle: async (call) => {
        await faults.set(parseFault(jsonOf(call)?.value));
        return ok(faults.current);
      },
    },
    {
      method: "GET",
      path: "/_personality",
      about: "The personality that is served.",
      handle: () => ok({ personality: served.personality }),
    },
    {
      method: "PUT",
      path: "/_personality",
      about: 'Serves another personality: {"personality":"mid"}.',
      handle: switchPersonality,
    },
    { method: "GET", path: "/_stats", about: "How much was asked.", handle: () => ok(stats.toJSON()) },
    {
      method: "DELETE",
      path: "/_stats",
      about: "Counts from zero again.",
      handle: () => {
        stats.reset();
        return ok(stats.toJSON());
      },
    },
  ];
}

/** Whether a request is for a switch, and not for the service. */
export function isSwitch(url: string | undefined): boolean {
  return /^\/_(fault|personality|stats)(\?|$)/.test(url ?? "");
}
